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
  /** What an operator can do to this one. A scenario that needs another power doesn't apply. */
  readonly powers: readonly (keyof Operator)[];
  /** Starts servers of our own, with authentication where the registry has it. */
  start(options: { readonly nodes: 1 | 3 }): Promise<RegistryUnderTest>;
}

/** A registry that runs, and everything that can be done to it. */
export interface RegistryUnderTest {
  /** The port of the first server on 127.0.0.1, for a proxy in front of it. */
  readonly port: number;
  /** What must be in no log, event or error of any process. */
  readonly secrets: readonly string[];
  /**
   * The `registry` block of the configuration of a client.
   *
   * @param port where a proxy listens, in place of the servers.
   */
  client(port?: number): { readonly type: string; readonly options: Record<string, unknown> };
  /** The ids that the registry lists for a service of the default namespace, as its operator sees it. */
  listed(service: string): Promise<readonly string[]>;
  /** Kills the first server. */
  kill(): Promise<void>;
  /** Starts the killed server again; resolves when it serves. `wipe`: without its data, but with its users. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** The first server stops answering and keeps its connections. */
  freeze(): void;
  thaw(): void;
  readonly operator: Partial<Operator>;
  stop(): Promise<void>;
}

/** What an operator can do to some registries and not to others. */
export interface Operator {
  /** Kills the server that leads, of three. */
  killLeader(): Promise<void>;
  /** Ends the lease or session that an instance stands on. */
  endLease(service: string, id: string): Promise<void>;
  /** Removes the entry of an instance, and nothing else. */
  remove(service: string, id: string): Promise<void>;
  /** Makes the registry forget every change up to now, so that no watch can resume. */
  forgetHistory(): Promise<void>;
  /** Gives the clients' user another password. */
  lockOut(): Promise<void>;
  /** Gives the clients' user the password that the clients have. */
  letIn(): Promise<void>;
}
