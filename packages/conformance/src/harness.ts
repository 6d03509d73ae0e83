import type { InstanceKey, Lease, RegistryAdapter } from '@rollcall/core';

/**
 * The registry under test, as the kit sees it. The first three members are all that is required; each further one
 * is a power over the registry that lets more promises be tested. A promise whose power is missing is listed as
 * skipped.
 */
export interface AdapterHarness {
  /** Names the suite. */
  readonly name: string;

  /**
   * An adapter that is never opened. Its capabilities and optional methods decide which promises apply, before any
   * registry runs.
   */
  readonly sample: RegistryAdapter;

  /** Makes a new client of the same registry; each one stands for a process. The kit opens it and closes it. */
  createAdapter(): RegistryAdapter | Promise<RegistryAdapter>;

  /**
   * The TTL of the tests that wait for one to pass, in milliseconds. Moved into the adapter's `ttlRangeMs`.
   * Defaults to 1 000.
   */
  readonly ttlMs?: number;

  /**
   * Whether this is another layout of an adapter, one layout of which the kit takes through everything. What has nothing to
   * do with how entries are written is then left out. Defaults to `false`.
   */
  readonly otherLayout?: boolean;

  /**
   * What a busy machine may add to every time that the adapter states, in milliseconds. Defaults to 1 000.
   */
  readonly slackMs?: number;

  /** The deadline of each call, in milliseconds, as the core would set it. Defaults to 5 000. */
  readonly callTimeoutMs?: number;

  /**
   * Lets a client die without a word: no call reaches the registry from it any more. Without it the kit stops the
   * client's beats and closes it, which by contract leaves its registrations to expire. An adapter whose liveness
   * is `probe` needs it.
   */
  crash?(adapter: RegistryAdapter): Promise<void> | void;

  /** Puts `content`, which is no instance, where the entry of that key stands or would stand. */
  plant?(entry: InstanceKey, content: string): Promise<void> | void;

  /** Takes one entry out behind its owner's back, as an operator does. The lease stays. */
  removeEntry?(entry: InstanceKey): Promise<void> | void;

  /** Ends the lease or session behind a registration behind its owner's back, as an operator does. */
  revokeLease?(entry: InstanceKey, lease: Lease): Promise<void> | void;

  /** Cuts every connection to the registry at once. New ones get through. */
  cutConnections?(): Promise<void> | void;

  /** Between `begin` and `end` the registry refuses every connection, and those that were open are cut. */
  readonly outage?: Fault;

  /** Between `begin` and `end` the registry takes connections and requests and answers nothing. */
  readonly stall?: Fault;
}

/** A fault that lasts. */
export interface Fault {
  begin(): Promise<void> | void;
  /** Called once after each `begin`. Resolves when the registry serves again. */
  end(): Promise<void> | void;
}
