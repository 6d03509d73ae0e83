import type { InstanceOverride, SkippedEntry } from './adapter.ts';
import type { RegistryError } from './errors.ts';
import type { InstanceKey, ServiceKey } from './instance.ts';
import type { RegistrationState } from './registration.ts';
import type { ShutdownStep } from './shutdown.ts';

/** Everything that Rollcall tells of itself. The log is made of these, and so can metrics and alarms be. */
export type RegistryEvent =
  /** A registration moved to another state. `error` says why, where it wasn't asked for. */
  | {
      readonly type: 'registration';
      readonly instance: InstanceKey;
      readonly from: RegistrationState;
      readonly to: RegistrationState;
      readonly error?: RegistryError;
    }
  /** An attempt to register or deregister failed; the next one comes after `retryInMs`. */
  | {
      readonly type: 'registration-retry';
      readonly instance: InstanceKey;
      readonly error: RegistryError;
      readonly retryInMs: number;
    }
  /**
   * A look showed what an operator made of this process's entry. It is kept in all that is written from now on, until the
   * operator or the owner says otherwise; a field that is no longer overridden isn't in `override`.
   */
  | { readonly type: 'override'; readonly instance: InstanceKey; readonly override: InstanceOverride }
  /** A beat of a lease failed; `registrations` depend on it. */
  | { readonly type: 'beat-failed'; readonly registrations: number; readonly error: RegistryError }
  /** The list of a service follows the registry again. */
  | { readonly type: 'list-live'; readonly service: ServiceKey; readonly instances: number }
  /** The list of a service no longer follows the registry; the last good one stays. */
  | { readonly type: 'list-stale'; readonly service: ServiceKey; readonly error: RegistryError }
  /** The last good list is older than `discovery.maxStaleMs` and is no longer handed out. */
  | { readonly type: 'list-expired'; readonly service: ServiceKey; readonly staleMs: number }
  /** A second look differed from what the watch had told: the watch lost something and starts anew. */
  | { readonly type: 'resync'; readonly service: ServiceKey; readonly reason: string }
  /** A list came that is empty or sharply smaller; `held` instances stay until a second look confirms it. */
  | {
      readonly type: 'list-held';
      readonly service: ServiceKey;
      readonly held: number;
      readonly holdMs: number;
    }
  /** The hold ended: `believed` says whether the instances are gone, or were there after all. */
  | {
      readonly type: 'list-released';
      readonly service: ServiceKey;
      readonly held: number;
      readonly believed: boolean;
    }
  /** An entry in the registry can't be read; told once, until it changes. */
  | { readonly type: 'entry-skipped'; readonly service: ServiceKey; readonly entry: SkippedEntry }
  /** A list was read from disk because the registry didn't answer, or could not be read or written. */
  | {
      readonly type: 'disk';
      readonly service: ServiceKey;
      readonly instances?: number;
      readonly error?: RegistryError;
    }
  /** The address that this process advertises, and why that one. */
  | { readonly type: 'advertise'; readonly host: string; readonly reason: string }
  /** A step of the shutdown ended. */
  | {
      readonly type: 'shutdown';
      readonly step: ShutdownStep;
      readonly tookMs: number;
      readonly error?: RegistryError;
    }
  /** A subscriber of yours threw. It goes on being called. */
  | { readonly type: 'subscriber-failed'; readonly service: ServiceKey; readonly error: unknown }
  /** Something that an adapter or the configuration wants people to know. */
  | { readonly type: 'warning'; readonly message: string };

export type EventListener = (event: RegistryEvent) => void;

/** Hands every event to every listener. A listener that throws harms nobody: its error is a warning to the others. */
export class Events {
  readonly #listeners = new Set<EventListener>();

  on(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: RegistryEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // A warning about a warning would never end.
        if (event.type === 'warning') continue;
        this.emit({ type: 'warning', message: `an event listener threw on ${event.type}: ${String(error)}` });
      }
    }
  }
}
