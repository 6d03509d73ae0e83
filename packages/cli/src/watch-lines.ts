import { describeEvent, type RegistryEvent, type Snapshot } from '@rollcall/core';
import { byId, instanceLine } from './instance-rows.ts';
import type { ListChange } from './list-changes.ts';
import { print, printJson } from './output.ts';
import { printable } from './printable.ts';
import type { WatchView } from './watch-view.ts';

const SIGNS = { listed: '+', changed: '~', gone: '-' } as const satisfies Record<
  ListChange['change'],
  string
>;

/** One line for each event, the time first. */
export function plainLines(): WatchView {
  let hasList = false;
  return {
    onList(snapshot, changes) {
      hasList = true;
      const at = now();
      for (const { change, instance } of sorted(changes))
        print(`${at} ${SIGNS[change]} ${instanceLine(instance)}`);
      if (changes.length === 0 && snapshot.instances.length === 0) print(`${at} ! no instance is listed`);
    },
    onEvent(event) {
      const words = wordsOf(event, hasList);
      if (words !== undefined) print(`${now()} ! ${printable(words)}`);
    },
    close: () => {},
  };
}

/** One JSON object a line: `time`, `event`, and what belongs to it. */
export function jsonLines(): WatchView {
  return {
    onList(snapshot: Snapshot, changes) {
      const time = now();
      for (const { change, instance } of sorted(changes)) printJson({ time, event: change, instance });
      const { version, source, instances } = snapshot;
      printJson({ time, event: 'list', version, source, instances: instances.length });
    },
    onEvent(event) {
      const time = now();
      switch (event.type) {
        case 'list-live':
          printJson({ time, event: 'live' });
          break;
        case 'list-stale':
          printJson({ time, event: 'stale', code: event.error.code, why: event.error.message });
          break;
        case 'list-expired':
          printJson({ time, event: 'expired', staleMs: event.staleMs });
          break;
        case 'list-held':
          printJson({ time, event: 'held', held: event.held, holdMs: event.holdMs });
          break;
        case 'list-released':
          printJson({ time, event: 'released', held: event.held, believed: event.believed });
          break;
        case 'entry-skipped':
          printJson({ time, event: 'skipped', ...event.entry });
          break;
        case 'resync':
          printJson({ time, event: 'resync', why: event.reason });
          break;
        case 'warning':
          printJson({ time, event: 'warning', message: event.message });
          break;
        case 'advertise':
        case 'beat-failed':
        case 'disk':
        case 'override':
        case 'registration':
        case 'registration-retry':
        case 'shutdown':
        case 'subscriber-failed':
          // Not of a list.
          break;
        default:
          event satisfies never;
      }
    },
    close: () => {},
  };
}

/** In words for people; `undefined` for what doesn't concern a list. */
function wordsOf(event: RegistryEvent, hasList: boolean): string | undefined {
  switch (event.type) {
    case 'list-live':
      return 'live: the list follows the registry';
    case 'list-stale':
      return hasList
        ? `stale: the last good list stays; ${event.error.message}`
        : `no list yet: ${event.error.message}`;
    case 'list-expired':
    case 'list-held':
    case 'list-released':
    case 'entry-skipped':
    case 'resync':
    case 'warning':
      return describeEvent(event).message;
    case 'advertise':
    case 'beat-failed':
    case 'disk':
    case 'override':
    case 'registration':
    case 'registration-retry':
    case 'shutdown':
    case 'subscriber-failed':
      return undefined;
    default:
      return event satisfies never;
  }
}

function sorted(changes: readonly ListChange[]): readonly ListChange[] {
  const order = new Map(byId(changes.map(({ instance }) => instance)).map((instance, at) => [instance, at]));
  return changes.toSorted((a, b) => (order.get(a.instance) ?? 0) - (order.get(b.instance) ?? 0));
}

function now(): string {
  return new Date().toISOString();
}
