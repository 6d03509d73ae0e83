import type { RegistryEvent, ServiceView, Snapshot } from '@rollcall/core';
import type { ListChange } from './list-changes.ts';

/** What a watch tells, in whichever form it is shown. */
export interface WatchView {
  /** A new list, and what is different from the last one. The first has every instance as `listed`. */
  onList(snapshot: Snapshot, changes: readonly ListChange[]): void;
  /** Anything else that happens to the list: it went stale, is live again, is held. */
  onEvent(event: RegistryEvent): void;
  /** The end of the watch; with what made it fail, if it did. */
  close(error?: unknown): void;
}

/** What a view may ask of the list that it shows. */
export type WatchedService = Pick<ServiceView, 'key' | 'status' | 'error'>;
