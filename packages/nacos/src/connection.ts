import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { abortError, RegistryError, createController } from '@rollcall/core';
import { explainGrpc, refusal } from './nacos-error.ts';
import { type Body, bodyOf, type Payload, payload, stream, unary } from './payload.ts';

/** What is being done and for how long. */
export interface Call {
  /** Starts the message of an error: `register user-service/7 in Nacos`. */
  readonly doing: string;
  readonly signal: AbortSignal;
}

export interface ConnectionOptions {
  /** `host:port` of gRPC. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  /** The name that the server's certificate is for, where it is not the host. */
  readonly serverName?: string | undefined;
  /** The id of the namespace, which holds for the whole connection: pushes don't say theirs. */
  readonly namespaceId: string;
  /** Takes what the server tells by itself; see {@link Connection.open}. */
  readonly onPush: (type: string, body: Body) => void;
}

/**
 * One connection with a Nacos server. To Nacos it is the client: what was registered and subscribed on it ends with it. It
 * never comes back: after its end there is only a new one.
 */
export class Connection {
  readonly address: string;
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Payload, Payload>;
  readonly #onPush: ConnectionOptions['onPush'];
  readonly #ended = createController();
  #isSetUp = false;
  #onSetUp = () => {};
  #probe: NodeJS.Timeout | undefined;
  #isProbing = false;

  /** Connects and waits until the server knows the connection. */
  static async open(options: ConnectionOptions, { doing, signal }: Call): Promise<Connection> {
    const client = new Client(options.address, options.credentials, channelOptions(options.serverName));
    let connection: Connection | undefined;
    try {
      const greeting = await unaryCall(client, options.address, payload('ServerCheckRequest', {}), {
        doing,
        signal,
      });
      connection = new Connection(client, options);
      await connection.#setUp(options.namespaceId, greeting['supportAbilityNegotiation'] === true, {
        doing,
        signal,
      });
      return connection;
    } catch (error) {
      connection?.close(new RegistryError('UNAVAILABLE', `${doing}: the connection wasn’t set up`));
      client.close();
      throw error;
    }
  }

  private constructor(client: Client, { address, onPush }: ConnectionOptions) {
    this.address = address;
    this.#client = client;
    this.#onPush = onPush;
    const { path, requestSerialize, responseDeserialize } = stream;
    this.#stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream.on('data', (message: Payload) => this.#take(message));
    // A stream that ended can't be had again on this connection: Nacos would keep the instances and stop the pushes.
    this.#stream.on('error', (error: ServiceError) =>
      this.close(explainGrpc(error, 'keep the connection', address)),
    );
    this.#stream.on('end', () => this.close(lost(address, 'the server ended it')));
  }

  /** Aborts when the connection has ended, with the `RegistryError` that tells why. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Sends a request, and gives the body of its answer.
   *
   * @throws {RegistryError} what Nacos answers other than success, as {@link refusal} has it.
   */
  async request(
    type: string,
    body: Body,
    { doing, signal }: Call,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Body> {
    if (this.ended.aborted) throw this.ended.reason;
    const message = payload(type, body, headers);
    try {
      return await unaryCall(this.#client, this.address, message, { doing, signal, ended: this.ended });
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') this.close(error);
      // A call that waited in vain may be the first to notice a dead connection.
      if (signal.aborted) void this.#check(PROBE_MS.soon);
      throw error;
    }
  }

  /** Ends it; what was registered on it leaves. */
  close(reason: RegistryError): void {
    if (this.ended.aborted) return;
    this.#ended.abort(reason);
    clearTimeout(this.#probe);
    this.#onSetUp();
    // gRPC tells a cancelled stream by an error, which nobody needs any more.
    this.#stream.removeAllListeners('error').on('error', () => {});
    this.#stream.cancel();
    this.#client.close();
  }

  async #setUp(namespaceId: string, isAcknowledged: boolean, { doing, signal }: Call): Promise<void> {
    const settled = new Promise<void>((resolve) => (this.#onSetUp = resolve));
    const body = {
      clientVersion: CLIENT_VERSION,
      tenant: namespaceId,
      labels: { source: 'sdk', module: 'naming' },
      abilityTable: {},
    };
    this.#stream.write(payload('ConnectionSetupRequest', body));
    // Servers before 2.4 don't say when they are ready. The official client gives them 100 ms.
    const timer = isAcknowledged ? undefined : setTimeout(() => this.#onSetUp(), 100);
    signal.addEventListener('abort', this.#onSetUp, { once: true });
    await settled;
    signal.removeEventListener('abort', this.#onSetUp);
    clearTimeout(timer);
    if (signal.aborted) throw abortError(signal, doing);
    if (this.ended.aborted) throw this.ended.reason;
    this.#isSetUp = true;
    this.#scheduleProbe();
  }

  #take(message: Payload): void {
    const type = message.metadata?.type ?? '';
    let body: Body;
    try {
      body = bodyOf(message);
    } catch (error) {
      this.close(lost(this.address, `it sent a ${type || 'message'} that can’t be read`, error));
      return;
    }
    if (type === 'SetupAckRequest') {
      this.#onSetUp();
      return;
    }
    this.#onPush(type, body);
    // What isn't acknowledged is sent again after some seconds.
    const answer = { resultCode: 200, errorCode: 0, requestId: body['requestId'] };
    if (!this.ended.aborted) this.#stream.write(payload(type.replace(/Request$/u, 'Response'), answer));
  }

  /**
   * Asks now and then whether the server knows the connection: Nacos gives up clients that are silent for 20 s, and a
   * network that drops packets tells nobody.
   */
  #scheduleProbe(): void {
    clearTimeout(this.#probe);
    if (!this.ended.aborted && this.#isSetUp)
      this.#probe = setTimeout(() => void this.#check(PROBE_MS.patience), PROBE_MS.interval);
  }

  async #check(patienceMs: number): Promise<void> {
    if (this.#isProbing || this.ended.aborted) return;
    this.#isProbing = true;
    // The second try is for a process that was busy itself and so late to hear the answer.
    for (let tries = 2; tries > 0; tries--) {
      const waiting = new AbortController();
      const timer = setTimeout(() => waiting.abort(), patienceMs);
      try {
        // oxlint-disable-next-line no-await-in-loop -- the second is for when the first failed
        await unaryCall(this.#client, this.address, payload('HealthCheckRequest', {}), {
          doing: 'keep the connection',
          signal: waiting.signal,
          ended: this.ended,
        });
        break;
      } catch (error) {
        if (!waiting.signal.aborted) this.close(asLost(error, this.address));
        else if (tries === 1) this.close(lost(this.address, `no answer within ${2 * patienceMs} ms`));
      } finally {
        clearTimeout(timer);
      }
    }
    this.#isProbing = false;
    this.#scheduleProbe();
  }
}

/** What the server takes for the age of the client: old enough for no new habits, new enough for gRPC. */
const CLIENT_VERSION = 'Rollcall:v0.1.0';

/** As the official clients do: a look every 5 s. */
const PROBE_MS = { interval: 5_000, patience: 2_000, soon: 500 } as const;

function channelOptions(serverName: string | undefined): ChannelOptions {
  return {
    // Else two channels to one server would share a connection, and Nacos would take them for one client.
    'grpc.use_local_subchannel_pool': 1,
    // A service of 10 000 instances with full metadata is some 20 MB.
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.enable_retries': 0,
    ...(serverName !== undefined && {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': serverName,
    }),
  };
}

interface EndableCall extends Call {
  /** The end of the connection ends the call. */
  readonly ended?: AbortSignal;
}

function unaryCall(
  client: Client,
  address: string,
  message: Payload,
  { doing, signal, ended }: EndableCall,
): Promise<Body> {
  const { path, requestSerialize, responseDeserialize } = unary;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal, doing));
      return;
    }
    const settle = (error: ServiceError | null, answer?: Payload) => {
      signal.removeEventListener('abort', onAbort);
      ended?.removeEventListener('abort', onAbort);
      try {
        if (signal.aborted) throw abortError(signal, doing);
        if (ended?.aborted) throw ended.reason;
        if (error || !answer) throw explainGrpc(error ?? noAnswer, doing, address);
        resolve(readAnswer(answer, doing, address));
      } catch (reason) {
        reject(reason);
      }
    };
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, settle);
    const onAbort = () => call.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    ended?.addEventListener('abort', onAbort, { once: true });
  });
}

const noAnswer = { code: status.UNKNOWN, details: 'the answer is empty' };

function readAnswer(answer: Payload, doing: string, address: string): Body {
  let body: Body;
  try {
    body = bodyOf(answer);
  } catch (cause) {
    throw new RegistryError('PROTOCOL', `${doing}: the answer of ${address} is not JSON; is it Nacos?`, {
      cause,
    });
  }
  const problem = refusal(body, doing, address);
  if (problem) throw problem;
  return body;
}

function asLost(error: unknown, address: string): RegistryError {
  return error instanceof RegistryError ? error : lost(address, String(error), error);
}

function lost(address: string, why: string, cause?: unknown): RegistryError {
  const message = `the connection with Nacos at ${address} was lost: ${why}`;
  return new RegistryError('UNAVAILABLE', message, { cause });
}
