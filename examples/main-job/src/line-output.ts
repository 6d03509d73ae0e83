import { clock, narrate } from './narration.ts';
import type { CallCounts, StoryEvent } from './story-event.ts';

/** Shows the story, as a screen or as lines. */
export interface Output {
  show(event: StoryEvent, atMs: number): void;
  /** Nothing is written after it. */
  close(): void;
}

export type Write = (text: string) => void;

/** How often the counts are printed, in milliseconds. */
const COUNTS_EVERY_MS = 5_000;

/** Plain lines, without a single escape code. */
export function plainOutput(write: Write): Output {
  let list = '';
  let countsAt = 0;
  const line = (atMs: number, text: string): void =>
    write(`${clock(atMs)}  ${text.replaceAll('\n', '\n       ')}\n`);
  return {
    show(event, atMs) {
      const told = narrate(event);
      if (told) line(atMs, told.text);
      if (event.event === 'finished') line(atMs, `answered by: ${shares(event)}`);
      if (event.event === 'list') {
        const now = event.instances.map(({ id, status }) => `${id} ${status}`).toSorted();
        if (now.join() !== list) line(atMs, `listed: ${now.join(', ') || 'nobody'}`);
        list = now.join();
      }
      if (event.event === 'calls' && atMs - countsAt >= COUNTS_EVERY_MS) {
        countsAt = atMs;
        line(
          atMs,
          `calls: ${event.calls} made, ${event.retried} retried, ${event.failed} failed (${shares(event)})`,
        );
      }
    },
    close: () => undefined,
  };
}

function shares({ byInstance }: CallCounts): string {
  const texts = Object.entries(byInstance).map(([id, answers]) => `${id} ${answers}`);
  return texts.toSorted().join(', ') || 'nobody';
}

/** One line of JSON an event. */
export function jsonOutput(write: Write): Output {
  return {
    show: (event, atMs) => write(`${JSON.stringify({ atMs: Math.round(atMs), ...event })}\n`),
    close: () => undefined,
  };
}
