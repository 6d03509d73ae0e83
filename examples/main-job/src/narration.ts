import type { StoryEvent } from './story-event.ts';

/** How a line of the story stands out. */
export type Mark = 'done' | 'act' | 'loss' | 'note';

export interface Narration {
  readonly mark: Mark;
  readonly text: string;
}

/** What a person is told of an event; nothing for what the table shows. */
export function narrate(event: StoryEvent): Narration | undefined {
  switch (event.event) {
    case 'began':
      return {
        mark: 'note',
        text: `registry: ${event.registry}, TTL ${seconds(event.ttlMs)}, ${event.callsPerSecond} calls a second`,
      };
    case 'preparing':
      return { mark: 'note', text: event.message };
    case 'registry-ready':
      return { mark: 'note', text: event.where };
    case 'starting':
      return {
        mark: 'act',
        text: `starting ${event.ids.join(', ')}${event.ids.length > 1 ? ' and a caller' : ''}`,
      };
    case 'joined': {
      const who = event.ids.length === 1 ? `${event.ids[0]} is` : `all ${event.ids.length} are`;
      return { mark: 'done', text: `${who} listed and called, ${seconds(event.tookMs)} after the start` };
    }
    case 'killed':
      return { mark: 'loss', text: `kill -9 ${event.pid} (${event.id}): it can't say goodbye` };
    case 'expired': {
      const meanwhile = event.failed === 0 ? 'none failed' : `${event.failed} failed`;
      return {
        mark: event.failed === 0 ? 'done' : 'loss',
        text: `${event.id} is off the list, ${seconds(event.tookMs)} after the kill (TTL ${seconds(event.ttlMs)}); ${plural(event.retried, 'call')} met the dead instance and went to another, ${meanwhile}`,
      };
    }
    case 'asked-to-leave':
      return { mark: 'act', text: `SIGTERM to ${event.pid} (${event.id}): a graceful shutdown` };
    case 'left': {
      const harm =
        event.failed === 0 && event.retried === 0
          ? 'not one failed or had to be retried'
          : `${event.retried} retried, ${event.failed} failed`;
      return {
        mark: event.failed === 0 ? 'done' : 'loss',
        text: `${event.id} was off the list after ${seconds(event.unlistedMs)} and ended after ${seconds(event.endedMs)}; of ${plural(event.calls, 'call')} meanwhile, ${harm}`,
      };
    }
    case 'log':
      return /^rollcall (?:info|debug) /.test(event.line)
        ? undefined
        : { mark: 'note', text: `${event.id}: ${event.line}` };
    case 'closing':
      return { mark: 'act', text: 'that was it: the others leave too' };
    case 'finished':
      return {
        mark: event.failed === 0 ? 'done' : 'loss',
        text: `${plural(event.calls, 'call')} made, ${event.retried} retried on another instance, ${event.failed} failed, in ${seconds(event.tookMs)}`,
      };
    case 'aborted':
      return { mark: 'loss', text: event.reason };
    case 'process-started':
    case 'process-ended':
    case 'list':
    case 'calls':
      break;
  }
  return undefined;
}

/** `12 ms`, `1.2 s`, `60 s`. */
export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}

/** `00:07`. */
export function clock(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
