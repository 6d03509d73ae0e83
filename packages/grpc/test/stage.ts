import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  connectivityState,
  credentials,
  loadPackageDefinition,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type CallOptions,
  type ChannelOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  type Clock,
  createRegistry,
  memoryAdapter,
  MemoryStore,
  type InstanceSpec,
  type Registration,
  type Registry,
  systemClock,
} from '@rollcall/core';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, vi } from 'vitest';
import { registerRollcall, type RollcallOptions } from '../src/index.ts';

export interface Text {
  readonly text: string;
}

type Answered = (error: ServiceError | null, answer?: Text) => void;

export interface EchoClient extends Client {
  say(request: Text, metadata: Metadata, options: CallOptions, answered: Answered): ClientUnaryCall;
  collect(answered: Answered): ClientWritableStream<Text>;
  count(request: Text): ClientReadableStream<Text>;
  talk(): ClientDuplexStream<Text, Text>;
}

const Echo = (
  loadPackageDefinition(loadSync(fileURLToPath(new URL('echo.proto', import.meta.url)))) as unknown as {
    rollcall: { test: { Echo: ServiceClientConstructor } };
  }
).rollcall.test.Echo;

export interface Echoing {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  /** Calls begun. */
  readonly calls: () => number;
}

export interface EchoingOptions {
  readonly port?: number;
  readonly credentials?: ServerCredentials;
  readonly say?: handleUnaryCall<Text, Text>;
}

/** A server that answers with its name. */
export async function echoing(name: string, options: EchoingOptions = {}): Promise<Echoing> {
  let calls = 0;
  const say: handleUnaryCall<Text, Text> = (call, reply) => {
    calls++;
    (options.say ?? ((_call, answer) => answer(null, { text: name })))(call, reply);
  };
  const collect: handleClientStreamingCall<Text, Text> = (stream, reply) => {
    calls++;
    const heard: string[] = [];
    stream.on('data', ({ text }: Text) => heard.push(text));
    stream.on('end', () => reply(null, { text: `${name}: ${heard.join(' ')}` }));
  };
  const count: handleServerStreamingCall<Text, Text> = (stream) => {
    calls++;
    for (let i = 1; i <= Number(stream.request.text); i++) stream.write({ text: `${name} ${i}` });
    stream.end();
  };
  const talk: handleBidiStreamingCall<Text, Text> = (stream) => {
    calls++;
    stream.on('data', ({ text }: Text) => stream.write({ text: `${name} ${text}` }));
    stream.on('end', () => stream.end());
  };
  const server = new Server();
  server.addService(Echo.service, { say, collect, count, talk });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${options.port ?? 0}`,
      options.credentials ?? ServerCredentials.createInsecure(),
      (error, bound) => (error ? reject(error) : resolve(bound)),
    );
  });
  return { name, port, server, calls: () => calls };
}

/** Ends when the calls under way have ended. */
export function drained({ server }: Echoing): Promise<void> {
  return new Promise((resolve, reject) => {
    server.tryShutdown((error) => (error ? reject(error) : resolve()));
  });
}

export interface Relay {
  readonly port: number;
  /** Connections that are open. */
  readonly open: () => number;
  /** Connections that there have been. */
  readonly taken: () => number;
  /** Cuts them all. */
  readonly cut: () => void;
}

/** Passes connections on to a port, so that they can be counted and cut. */
export async function relay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    const onward = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {}).pipe(onward);
    onward.on('error', () => {}).pipe(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      onward.destroy();
    });
    onward.on('close', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open: () => sockets.size, taken: () => taken, cut };
}

export interface Stage {
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly unregister: () => void;
  readonly list: (
    server: { readonly name: string; readonly port: number },
    spec?: Partial<InstanceSpec>,
  ) => Promise<Registration>;
}

/** A registry, whose services are targets of gRPC. */
export async function stage(options: RollcallOptions = {}): Promise<Stage> {
  const store = new MemoryStore();
  const registry = await anotherRegistry(store);
  const unregister = registerRollcall(registry, options);
  onTestFinished(unregister);
  return {
    store,
    registry,
    unregister,
    list: async ({ name, port }, spec = {}) => {
      const registration = registry.register({
        service: 'users',
        id: name,
        host: '127.0.0.1',
        port,
        ...spec,
      });
      await registration.listed();
      return registration;
    },
  };
}

export async function anotherRegistry(store: MemoryStore, clock: Clock = systemClock): Promise<Registry> {
  const registry = await createRegistry({
    clock,
    adapter: memoryAdapter({ store }),
    config: {
      discovery: { protection: false },
      registry: { requestTimeoutMs: 500 },
      access: { namespaces: { staging: { mode: 'open' } } },
      log: { level: 'silent' },
    },
    env: {},
  });
  onTestFinished(() => registry.close());
  return registry;
}

/** A client, and what its calls come to. */
export function calling(
  target = 'rollcall:///users',
  options: ChannelOptions = {},
  secrets: ChannelCredentials = credentials.createInsecure(),
) {
  const client = new Echo(target, secrets, {
    'grpc.initial_reconnect_backoff_ms': 100,
    ...options,
  }) as unknown as EchoClient;
  onTestFinished(() => client.close());
  /** Who answered. */
  const say = (headers: Record<string, string> = {}, call: CallOptions & { waitForReady?: boolean } = {}) =>
    new Promise<string>((resolve, reject) => {
      const { waitForReady = false, ...callOptions } = call;
      const metadata = Metadata.fromHttp2Headers(headers);
      metadata.setOptions({ waitForReady });
      client.say({ text: '' }, metadata, { deadline: Date.now() + 10_000, ...callOptions }, (error, answer) =>
        error ? reject(error) : resolve(answer?.text ?? ''),
      );
    });
  /** How often each answered. */
  const calls = async (count: number, headers?: Record<string, string>) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const name = await say(headers);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  const state = () => connectivityState[client.getChannel().getConnectivityState(false)];
  return { client, say, calls, state };
}

/** Waits until calls reach exactly these. For policies that take all in turn, or by chance. */
export async function reaching(
  { say }: Pick<ReturnType<typeof calling>, 'say'>,
  ...names: readonly string[]
): Promise<void> {
  await vi.waitFor(
    async () => {
      const seen = new Set<string>();
      for (let i = 0; i < names.length * 3; i++) seen.add(await say());
      expect([...seen].toSorted()).toEqual(names.toSorted());
    },
    { timeout: 10_000 },
  );
}
