import type {
  CallOptions,
  ChannelOptions,
  Client,
  ClientUnaryCall,
  Metadata,
  ServiceError,
} from '@grpc/grpc-js';
import {
  AuthClient,
  Etcd3,
  type IOptions,
  type ICallable,
  KVClient,
  LeaseClient,
  MaintenanceClient,
  WatchClient,
} from 'etcd3';

/** etcd's services on one endpoint, for one call: with its token, and for as long as its signal says. */
export interface Rpc {
  readonly auth: AuthClient;
  readonly kv: KVClient;
  readonly lease: LeaseClient;
  readonly maintenance: MaintenanceClient;
  readonly watch: WatchClient;
}

/**
 * One member of the cluster, behind one gRPC channel.
 *
 * etcd3's typed services and channels are used, but not its own way to call them: that can't be aborted, retries out of
 * sight, breaks circuits, and turns errors into ones without a status. So failures surface here as gRPC tells them,
 * and a call ends when its signal does.
 */
export class Endpoint {
  readonly address: string;
  readonly #etcd: Etcd3Channels;
  readonly #stubs = new Set<Client>();

  constructor(address: string, credentials: IOptions['credentials'], serverName: string | undefined) {
    this.address = address;
    this.#etcd = new Etcd3Channels({
      hosts: address.replace(/\/$/u, ''),
      ...(credentials && { credentials }),
      grpcOptions: channelOptions(serverName),
    });
  }

  rpc(token: string | undefined, signal: AbortSignal): Rpc {
    const callable = this.#callable(token, signal);
    return {
      auth: new AuthClient(callable),
      kv: new KVClient(callable),
      lease: new LeaseClient(callable),
      maintenance: new MaintenanceClient(callable),
      watch: new WatchClient(callable),
    };
  }

  /**
   * Closes each channel itself: etcd3's `close()` leaves a channel that is connecting open for another second
   * (`resetAllServices` in its connection-pool.ts).
   */
  close(): void {
    for (const stub of this.#stubs) stub.close();
    this.#stubs.clear();
  }

  #callable(token: string | undefined, signal: AbortSignal): ICallable<unknown> {
    const withStub: ICallable<unknown>['withConnection'] = (service, run) =>
      this.#etcd.channels.withConnection(service, ({ resource, client, metadata }) => {
        this.#stubs.add(client);
        if (token !== undefined) metadata.set('token', token);
        return run({ resource, client, metadata });
      });
    return {
      async exec<T>(service: Parameters<typeof withStub>[0], method: string, request: unknown): Promise<T> {
        const { client, metadata } = await withStub(service, (stub) => stub);
        // Rejected outside of `withConnection`, which would turn the error into one without a status.
        return (await callUnary(client, method, request, metadata, signal)) as T;
      },
      // Streams come through here. A member without a leader then ends them instead of staying silent.
      withConnection: (service, run) =>
        withStub(service, (stub) => {
          stub.metadata.set('hasleader', 'true');
          return run(stub);
        }),
      markFailed() {
        // Whoever reads the stream gets its error.
      },
      callOptionsFactory: undefined,
    };
  }
}

/** Opens up the channels of an etcd3 client. It gets no `auth`: etcd3 leaks a channel for each token, and ignores `serverName`. */
class Etcd3Channels extends Etcd3 {
  get channels() {
    return this.pool;
  }
}

function channelOptions(serverName: string | undefined): ChannelOptions {
  return {
    // Finds a connection that is dead but not closed within 15 s. Servers refuse pings more often than every 5 s
    // (`--grpc-keepalive-min-time`), and any without a call: a watch is one.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    // grpc-js waits up to two minutes between attempts to connect.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3_000,
    // Its 4 MiB are less than a page of large instances, or than the changes of one burst.
    'grpc.max_receive_message_length': -1,
    // No TXT look-up for each host name.
    'grpc.service_config_disable_resolution': 1,
    ...(serverName !== undefined && {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': serverName,
    }),
  };
}

/** What etcd3 generates for a method; it has no types for it. */
type UnaryMethod = (
  request: unknown,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, response: unknown) => void,
) => ClientUnaryCall;

function callUnary(
  client: Client,
  method: string,
  request: unknown,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stub = client as unknown as Readonly<Record<string, UnaryMethod>>;
    const call = stub[method]?.(request, metadata, {}, (error, response) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve(response);
    });
    const onAbort = () => {
      reject(signal.reason);
      call?.cancel();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
