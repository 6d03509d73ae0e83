import type { ServiceInstance } from '@rollcall/core';
import type { Target } from './target.ts';

/** What a call says of itself. All may be left out. */
export interface PickRequest {
  /** For `consistent-hash` and `sticky`: calls with the same key go to the same instance. */
  readonly key?: string;
  /** For routes that match headers; names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Those that were tried already: they are chosen only where there is no other. */
  readonly avoid?: readonly ServiceInstance[];
}

/** One way to choose. It keeps its place when the list changes. */
export interface Policy {
  /**
   * Replaces the targets.
   *
   * @param weights one for each target, above 0.
   */
  update(targets: readonly Target[], weights: readonly number[]): void;

  /** One of the targets; `undefined` only when there are none. */
  pick(request: PickRequest): Target | undefined;

  /** Lets its targets go. */
  close?(): void;
}
