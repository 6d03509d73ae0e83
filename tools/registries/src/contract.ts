/** The registries that can be started. */
export type RegistryType = 'etcd' | 'zookeeper' | 'consul' | 'nacos' | 'nacos2' | 'eureka' | 'gateway';

export interface StartOptions {
  /** How many servers form the registry. Defaults to 1. */
  readonly nodes?: 1 | 3;
  /**
   * Turns authentication on, with this password for the user who may do everything: `root`, on Nacos `nacos`. On Consul it is the
   * secret of the initial management token. A gateway makes a key of its own, see {@link RunningGateway}. Off by default.
   */
  readonly auth?: { readonly rootPassword: string };
  /** `true`: clients speak TLS. `'mutual'`: they also show a certificate. Off by default. Needs `openssl`. */
  readonly tls?: boolean | 'mutual';
  /**
   * More command line flags for every server, such as `['--quota-backend-bytes', '16777216']`. For ZooKeeper: lines of
   * its configuration, such as `tickTime=500`. For Nacos and Eureka: properties, such as `eureka.server.enable-self-preservation=true`.
   * For gateways: limits, such as `streams=50000`.
   */
  readonly flags?: readonly string[];
  /**
   * For gateways: the registry behind, as the `registry` block of a configuration. Defaults to a store of its own, which only one
   * can have.
   */
  readonly behind?: { readonly type: string; readonly options: Readonly<Record<string, unknown>> };
  /** The client port of the first server. Defaults to a free one. */
  readonly port?: number;
  /**
   * `true`: always a server of our own, even when the environment names one that runs. Asking for `nodes: 3`, `auth`,
   * `tls`, `flags` or `port` means the same. Defaults to false.
   */
  readonly own?: boolean;
  /** Leaves the servers running when this process ends; `stop()` still stops them. Defaults to false. */
  readonly detached?: boolean;
  /** Told what is being done while a server is prepared. Defaults to lines on stderr. */
  readonly progress?: Progress;
}

/** Is told, in one short line, what is being done now. */
export type Progress = (line: string) => void;

/** A registry that runs, and what a test or a person needs to use and to hurt it. */
export interface RunningRegistry {
  readonly type: RegistryType;
  /** What clients connect to: `http://host:port`, or `https://host:port` with TLS; `host:port` for ZooKeeper. */
  readonly endpoints: readonly string[];
  /** Our own servers. Empty for a registry that the environment names: that one is not ours to hurt. */
  readonly nodes: readonly RegistryNode[];
  /** The user who may do everything and its password (on Consul the token), when authentication was asked for. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** PEM files, when TLS was asked for; the client's own certificate and key only with `'mutual'`. */
  readonly tls?: TlsFiles;
  /** Where the server's program came from, for people to read. */
  readonly source: string;
  /** The folder with data, logs and certificates; `stop()` removes it. Undefined when nothing was started. */
  readonly folder: string | undefined;
  /** Kills every server and starts them together again, with their data or (`wipe`) without. */
  restart(options?: RestartOptions): Promise<void>;
  /** Stops what was started (SIGTERM, then SIGKILL) and removes its folder. Can be called twice. */
  stop(): Promise<void>;
}

export interface TlsFiles {
  readonly caFile: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface RestartOptions {
  /** Starts with no data. Defaults to false. */
  readonly wipe?: boolean;
}

/** One server process. Its endpoint stays the same over restarts; its pid does not. */
export interface RegistryNode {
  readonly name: string;
  /** The process id of the current, or else the last, run. */
  readonly pid: number;
  readonly endpoint: string;
  readonly running: boolean;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /**
   * Kills the server if it runs, starts it again on the same ports, and waits until it serves. In a registry of three, `wipe` replaces
   * the member by an empty one, which needs the other two. Use the registry's `restart()` to start all of them again.
   */
  restart(options?: RestartOptions): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

export interface EtcdctlOptions {
  /** Runs as this user instead of the one that the registry was started with; `null` for no user. */
  readonly user?: { readonly username: string; readonly password: string } | null;
  /** Asks these endpoints instead of all of them. */
  readonly endpoints?: readonly string[];
  /** Given to the command's standard input. */
  readonly input?: string;
  /** Milliseconds until the command is killed. Defaults to 15 000. */
  readonly timeoutMs?: number;
}

export interface RunningEtcd extends RunningRegistry {
  readonly type: 'etcd';
  /**
   * Runs etcd's own operator command and resolves with its standard output: `etcdctl(['lease', 'list'])`. Endpoints,
   * certificates and credentials are added, credentials by environment. Rejects with the command's stderr.
   */
  etcdctl(args: readonly string[], options?: EtcdctlOptions): Promise<string>;
  /** The node that leads now. Rejects when none does within 10 s, or when the servers are not ours. */
  leader(): Promise<RegistryNode>;
}

export interface RunningZooKeeper extends RunningRegistry {
  readonly type: 'zookeeper';
  /** The node that leads now, or the only one. Rejects when none does, or when the servers are not ours. */
  leader(): Promise<RegistryNode>;
}

export interface RunningConsul extends RunningRegistry {
  readonly type: 'consul';
  /** The server that leads now, or the only one. Rejects when none does, or when the servers are not ours. */
  leader(): Promise<RegistryNode>;
}

/** `nacos` is Nacos 3, `nacos2` is Nacos 2. */
export interface RunningNacos extends RunningRegistry {
  readonly type: 'nacos' | 'nacos2';
}

/** With three nodes each is the peer of the others. */
export interface RunningEureka extends RunningRegistry {
  readonly type: 'eureka';
}

/** Rollcall's own gateway, from this repository. With `auth` its `password` is the API key of who may do everything. */
export interface RunningGateway extends RunningRegistry {
  readonly type: 'gateway';
  /** The policy file of all, when authentication was asked for. Gateways follow its changes. */
  readonly policyFile?: string;
}

/** Which handle `startRegistry` gives for which type. */
export interface RunningByType {
  readonly etcd: RunningEtcd;
  readonly zookeeper: RunningZooKeeper;
  readonly consul: RunningConsul;
  readonly nacos: RunningNacos;
  readonly nacos2: RunningNacos;
  readonly eureka: RunningEureka;
  readonly gateway: RunningGateway;
}

/** Whether a registry can be started now, without preparing anything first. */
export type Availability =
  | { readonly available: true; readonly source: string }
  | { readonly available: false; readonly reason: string };
