/** Who is listed, as the caller sees it. */
export interface ListedInstance {
  readonly id: string;
  readonly status: string;
  readonly pid: number;
}

/** How the calls went so far. */
export interface CallCounts {
  readonly calls: number;
  /** Calls whose first attempt failed, and that were sent to another instance. */
  readonly retried: number;
  /** Calls that got no answer in the end. */
  readonly failed: number;
  /** Answers, by the instance that gave them. */
  readonly byInstance: Readonly<Record<string, number>>;
}

/** What the caller says, one line of JSON each. */
export type CallerMessage =
  | { readonly type: 'list'; readonly instances: readonly ListedInstance[] }
  | ({ readonly type: 'calls' } & CallCounts);

/** Everything that happens. `--json` prints these, each with `atMs`: the milliseconds since the beginning. */
export type StoryEvent =
  | {
      readonly event: 'began';
      readonly registry: string;
      readonly ttlMs: number;
      readonly callsPerSecond: number;
      /** The run's own temporary folder. */
      readonly folder: string;
    }
  /** A server for the registry is being prepared. */
  | { readonly event: 'preparing'; readonly message: string }
  | { readonly event: 'registry-ready'; readonly where: string }
  | { readonly event: 'process-started'; readonly id: string; readonly pid: number }
  | {
      readonly event: 'process-ended';
      readonly id: string;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** A line that a process wrote to its log. */
  | { readonly event: 'log'; readonly id: string; readonly line: string }
  | { readonly event: 'list'; readonly instances: readonly ListedInstance[] }
  | ({ readonly event: 'calls' } & CallCounts)
  | { readonly event: 'starting'; readonly ids: readonly string[] }
  /** Listed, and getting calls. */
  | { readonly event: 'joined'; readonly ids: readonly string[]; readonly tookMs: number }
  | { readonly event: 'killed'; readonly id: string; readonly pid: number }
  /** Left the list after it was killed. */
  | {
      readonly event: 'expired';
      readonly id: string;
      readonly tookMs: number;
      readonly ttlMs: number;
      readonly retried: number;
      readonly failed: number;
    }
  | { readonly event: 'asked-to-leave'; readonly id: string; readonly pid: number }
  /** Left the list and ended after it was asked to. */
  | {
      readonly event: 'left';
      readonly id: string;
      readonly unlistedMs: number;
      readonly endedMs: number;
      readonly calls: number;
      readonly retried: number;
      readonly failed: number;
    }
  | { readonly event: 'closing' }
  | ({ readonly event: 'finished'; readonly tookMs: number } & CallCounts)
  | { readonly event: 'aborted'; readonly reason: string };

export type Tell = (event: StoryEvent) => void;
