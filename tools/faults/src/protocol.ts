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
  /** The id to be listed under, if any. */
  readonly registers: string | undefined;
  /** Whether it reads the service's list all the time. */
  readonly reads: boolean;
}

/** From the suite to the process. */
export type Order =
  | { readonly order: 'begin'; readonly plan: Plan }
  | { readonly order: 'deregister' }
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

export interface ReadList {
  readonly ids: readonly string[];
  readonly ageMs: number;
  readonly source: SnapshotSource;
}

/** From the process to the suite. */
export type Report =
  | { readonly report: 'reading'; readonly reading: Reading }
  | { readonly report: 'event'; readonly at: number; readonly line: string; readonly everything: string }
  /** How a first `load()`, or a `deregister()`, ended. */
  | {
      readonly report: 'answer';
      readonly to: 'load' | 'deregister';
      readonly error: { readonly code: string; readonly message: string } | undefined;
    }
  /** What must never happen in a process. */
  | { readonly report: 'trouble'; readonly what: string }
  | { readonly report: 'closed' };

export const READ_INTERVAL_MS = 50;

/** How long a process may take to end by itself once it is closed, in milliseconds. */
export const EXIT_WITHIN_MS = 3_000;

/** The exit code of one that didn't. */
export const LEFTOVERS_EXIT_CODE = 70;
