import { signal } from '@preact/signals';
import type { FeedState } from '../api/follow.ts';

/** How what is shown is kept up to date, and when the gateway was last heard. */
export const connection = signal<FeedState>({ is: 'connecting' });

/** When the last byte came, in ms of the clock; `undefined` before the first. */
export const heardAt = signal<number | undefined>(undefined);

/** Ticks once a second while somebody reads it. */
export const now = signal(Date.now());

/** Makes `now` tick until the returned function is called. */
export function tick(): () => void {
  now.value = Date.now();
  const timer = setInterval(() => {
    now.value = Date.now();
  }, 1_000);
  return () => clearInterval(timer);
}
