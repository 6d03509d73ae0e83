import { signal } from '@preact/signals';

const query = matchMedia('(max-width: 640px)');

/** Whether this is a phone, or a window as narrow as one. */
export const narrow = signal(query.matches);

query.addEventListener('change', () => {
  narrow.value = query.matches;
});

const still = matchMedia('(prefers-reduced-motion: reduce)');

/** Whether the person asked for less motion. */
export function wantsStillness(): boolean {
  return still.matches;
}
