import type { RegistryErrorCode } from '@rollcall/core';
import type { Settings } from './settings.ts';
import type { Wire } from './wire.ts';

/**
 * One kind of registry, as the scenarios see it. None of them names a registry: a new kind is one file in `registries/`
 * and a line in `catalogue.ts`.
 */
export interface RegistryKind {
  readonly type: string;
  /** After a crash, an entry may stay for its TTL plus this, in milliseconds. */
  readonly crashSlackMs: number;
  /** The longest pause of the client library between two attempts to connect, in milliseconds. */
  readonly reconnectMs: number;
  /** Until a registry of three has another leader, in milliseconds. */
  readonly electionMs: number;
  /** Until a change that the registry took is seen by a reader, in milliseconds; 0 where it is told at once. */
  readonly seenMs: number;
  /** How long one server takes for a thousand registrations, on two cores, in milliseconds, where that is long. Defaults to 0. */
  readonly fillMs?: number;
  /** The ports of a server that clients use, as distances from the first, and what is spoken there. */
  readonly ports: readonly { readonly offset: number; readonly wire: Wire }[];
  /** What a client is told whom the operator locked out: this code, and what to check. */
  readonly refusal: {
    readonly code: RegistryErrorCode;
    readonly names: RegExp;
    /** How long who is in already stays in, in milliseconds. Defaults to 0. */
    readonly afterMs?: number;
  };
  /** What can't be done to this one, and why, in few words. A scenario that needs it doesn't apply. */
  readonly lacks: Readonly<Partial<Record<Power, string>>>;
  /** Settings that can't be chosen on this one. */
  readonly settings?: Partial<Settings>;
  /** What docs/reliability.md advises where very many clients share a server. */
  readonly crowdSettings?: Partial<Settings>;
  /**
   * Starts servers of our own, with authentication where the registry has it.
   *
   * @param options.needs what the scenario needs: what takes long to set up can be left out.
   */
  start(options: { readonly nodes: 1 | 3; readonly needs: readonly Power[] }): Promise<RegistryUnderTest>;
}

/** `disk`: a server that was killed starts with its entries. */
export type Power = keyof Operator | 'disk';

/** A registry that runs, and everything that can be done to it. */
export interface RegistryUnderTest {
  /** The first port of the first server on 127.0.0.1, for a proxy in front of it. */
  readonly port: number;
  /** What must be in no log, event or error of any process. */
  readonly secrets: readonly string[];
  /**
   * The `registry` block of the configuration of a client.
   *
   * @param port where a proxy listens, in place of the servers.
   * @param isCrowd one of very many, which asks no more often than it does by default.
   */
  client(
    port?: number,
    isCrowd?: boolean,
  ): { readonly type: string; readonly options: Record<string, unknown> };
  /** The ids that the registry lists for a service of the default namespace, as its operator sees it. */
  listed(service: string): Promise<readonly string[]>;
  /** Kills the first server. */
  kill(): Promise<void>;
  /** Starts the killed server again; resolves when it serves. `wipe`: without its data, but with its users. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** The first server stops answering and keeps its connections. */
  freeze(): void;
  thaw(): void;
  /** Starts another registry, with the same users and nothing listed, of which this one knows nothing. */
  startTwin(): Promise<Pick<RegistryUnderTest, 'port' | 'stop'>>;
  readonly operator: Partial<Operator>;
  stop(): Promise<void>;
}

/** What an operator can do to some registries and not to others. */
export interface Operator {
  /** Of three servers, kills the one that leads, or, where none does, the one that clients use. */
  killLeader(): Promise<void>;
  /** Ends the lease or session that an instance stands on. */
  endLease(service: string, id: string): Promise<void>;
  /** Removes the entry of an instance, and nothing else. */
  remove(service: string, id: string): Promise<void>;
  /** Removes the entry from what readers see, while the server that keeps it has it still. */
  removeFromCatalog(service: string, id: string): Promise<void>;
  /** Makes the registry forget every change up to now, so that no watch can resume; where it remembers any. */
  forgetHistory(): Promise<void>;
  /** Takes from the clients' user the right to use this service: another password, or other rights. */
  lockOut(service: string): Promise<void>;
  /** Gives it back. */
  letIn(service: string): Promise<void>;
  /** The clients' credential ends, while another is there for them. */
  rotate(): Promise<void>;
}
