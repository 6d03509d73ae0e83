import { signal } from '@preact/signals';
import type { JSX } from 'preact';

const SHOWN_MS = 6_000;

const said = signal<string | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says shortly what came of something, for eyes and for screen readers. */
export function say(text: string): void {
  said.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => {
    said.value = undefined;
  }, SHOWN_MS);
}

export function Toast(): JSX.Element {
  return (
    <div class="toast" role="status">
      {said.value !== undefined && <p>{said.value}</p>}
    </div>
  );
}
