import { signal } from '@preact/signals';
import type { Api } from '../api/api.ts';
import { type ApiError, toApiError } from '../api/api-error.ts';
import { follow } from '../api/follow.ts';
import type { Change, Topology } from '../api/wire.ts';
import { connection, heardAt } from './connection.ts';

/** A change, with a number of its own for the table. */
export interface NumberedChange extends Change {
  readonly number: number;
}

/** As many as the gateway keeps. */
const KEPT = 1_000;
/** Changes that come together are one look. */
const SETTLE_MS = 250;
/** What other gateways and processes do behind this one is seen by looking again. */
const LOOK_AGAIN_MS = 10_000;

/** What happens across all services: who is there, and what changed. What was read stays when it is stopped. */
export class OverviewFeed {
  readonly topology = signal<Topology | undefined>(undefined);
  /** Why there is no newer topology. */
  readonly error = signal<ApiError | undefined>(undefined);
  /** The newest first. */
  readonly changes = signal<readonly NumberedChange[] | undefined>(undefined);

  readonly #api: Api;
  #controller = new AbortController();
  #interval: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #numbered = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Follows what happens until `stop()`. */
  start(): void {
    this.stop();
    this.#controller = new AbortController();
    const { signal: closed } = this.#controller;
    const follower = {
      onState: (state: typeof connection.value) => {
        if (closed.aborted) return;
        connection.value = state;
        if (state.is === 'live') void this.#readAll();
      },
      onHeard: () => {
        heardAt.value = Date.now();
      },
      onEvent: (_event: string, data: unknown) => this.#take(data),
    };
    void follow(this.#api, '/v1/changes/events', follower, closed);
    void this.#look();
    this.#interval = setInterval(() => {
      if (!document.hidden && connection.value.is === 'live') void this.#look();
    }, LOOK_AGAIN_MS);
  }

  stop(): void {
    this.#controller.abort();
    clearInterval(this.#interval);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #readAll(): Promise<void> {
    await Promise.all([this.#look(), this.#readChanges()]);
  }

  async #look(): Promise<void> {
    const { signal: stopped } = this.#controller;
    try {
      const { body } = await this.#api.get<Topology>('/v1/topology', stopped);
      this.topology.value = body;
      this.error.value = undefined;
    } catch (error) {
      if (!stopped.aborted) this.error.value = toApiError(error);
    }
  }

  async #readChanges(): Promise<void> {
    try {
      const { body } = await this.#api.get<{ changes: readonly Change[] }>(
        '/v1/changes',
        this.#controller.signal,
      );
      this.changes.value = newestFirst(body.changes).map((change) => this.#number(change));
    } catch {
      // The stream says how it stands; what was read before stays.
    }
  }

  #take(data: unknown): void {
    const told = (data as { changes?: readonly Change[] }).changes ?? [data as Change];
    const fresh = newestFirst(told).map((change) => this.#number(change));
    this.changes.value = [...fresh, ...(this.changes.value ?? [])].slice(0, KEPT);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
    }, SETTLE_MS);
  }

  #number(change: Change): NumberedChange {
    return { ...change, number: ++this.#numbered };
  }
}

function newestFirst(changes: readonly Change[]): Change[] {
  return changes.toSorted((a, b) => timeOf(b) - timeOf(a));
}

/** When a change was, in ms of the clock. */
export function timeOf({ at }: Change): number {
  return typeof at === 'number' ? at : Date.parse(at);
}
