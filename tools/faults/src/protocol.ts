import type {
  FeedStatus,
  RegistrationState,
  RegistryErrorCode,
  RollcallConfigInput,
  SnapshotSource,
} from '@rollcall/core';

/** What a process of the suite is to do. */
export interface Plan {
  readonly config: RollcallConfigInput;
  readonly service: string;
  /** The ids to be listed under, if any. */
  readonly registers: readonly string[];
  /** Whether it reads the service's list all the time. */
  readonly reads: boolean;
  /**
   * How many registry handles it has. With more than one each stands for a process: its ids end with its number, they are
   * listed in one of {@link CROWD_SERVICES} services, and what the process sees is what the worst of them sees.
   */
  readonly handles: number;
  /** The port of its first instance; the others count from there. */
  readonly firstPort: number;
}

/** Services that crowds register in, so that looks at the list stay small. */
export const CROWD_SERVICES = 100;

export function crowdService(handle: number): string {
  return `crowd-${handle % CROWD_SERVICES}`;
}

/** From the suite to the process. */
export type Order =
  | { readonly order: 'begin'; readonly plan: Plan }
  | { readonly order: 'deregister' }
  /** Changes the weight of each instance to 1, 2, 3 … up to `rounds`, and takes the first `leavers` off in the last round. */
  | { readonly order: 'churn'; readonly rounds: number; readonly leavers: number }
  /** Collects its garbage and tells how much memory is in use. */
  | { readonly order: 'weigh' }
  /** Closes the registry handle and lets go of the suite; it must then end by itself. */
  | { readonly order: 'close' };

/** What a process sees at one moment; taken every {@link READ_INTERVAL_MS}. */
export interface Reading {
  readonly at: number;
  /** Undefined where it has no list. */
  readonly list: ReadList | undefined;
  /** Undefined in a process that doesn't read. */
  readonly status: FeedStatus | undefined;
  /** Why the list isn't live. */
  readonly error: RegistryErrorCode | undefined;
  /** Undefined in a process that doesn't register. */
  readonly registration: RegistrationState | undefined;
  /** Why it isn't listed. */
  readonly registrationError: RegistryErrorCode | undefined;
}

/** What the order `churn` led to, as a reader sees it. */
export interface Weights {
  readonly min: number;
  readonly max: number;
  /** How often an instance had a lower weight than before. */
  readonly backwards: number;
}

export interface ReadList {
  readonly ids: readonly string[];
  readonly ageMs: number;
  readonly source: SnapshotSource;
  /** What the changes of the order `churn` came to. */
  readonly weights?: Weights | undefined;
}

/** From the process to the suite. */
export type Report =
  | { readonly report: 'reading'; readonly reading: Reading }
  | { readonly report: 'event'; readonly at: number; readonly line: string; readonly everything: string }
  /** How a first `load()`, or an order, ended. */
  | {
      readonly report: 'answer';
      readonly to: Answered;
      readonly error: { readonly code: string; readonly message: string } | undefined;
    }
  /** The answer to `weigh`. */
  | { readonly report: 'weight'; readonly heapBytes: number }
  /** What must never happen in a process. */
  | { readonly report: 'trouble'; readonly what: string }
  | { readonly report: 'closed' };

/** What a process tells the end of. */
export type Answered = 'load' | 'deregister' | 'churn';

export const READ_INTERVAL_MS = 50;

/** How long a process may take to end by itself once it is closed, in milliseconds. */
export const EXIT_WITHIN_MS = 3_000;

/** The exit code of one that didn't. */
export const LEFTOVERS_EXIT_CODE = 70;
