import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRegistry, type InstanceSpec, MemoryStore, memoryAdapter, type Registry } from '@rollcall/core';
import { expect, onTestFinished } from 'vitest';
import { CallError, createFetch, type HttpOptions, type ServiceFetch } from '../src/index.ts';

export interface RunningServer {
  readonly id: string;
  readonly port: number;
  readonly server: Server;
  /** Requests that came. */
  count: number;
  /** Answers that the caller ended. */
  cut: number;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

/** A registry in memory, and servers of `user-service`. Everything ends with the test. */
export class Stage {
  readonly registry: Registry;

  static async begin(): Promise<Stage> {
    const registry = await createRegistry({
      env: {},
      config: { log: { level: 'silent' } },
      adapter: memoryAdapter({ store: new MemoryStore() }),
    });
    onTestFinished(() => registry.close());
    return new Stage(registry);
  }

  private constructor(registry: Registry) {
    this.registry = registry;
  }

  /** A server that is listed. Its answer is its id unless it is told otherwise. */
  async serve(
    id: string,
    answer?: RequestListener,
    more: Partial<InstanceSpec> = {},
  ): Promise<RunningServer> {
    const running = await serve(id, answer);
    await this.list(running, more);
    return running;
  }

  async list(
    { id, port }: Pick<RunningServer, 'id' | 'port'>,
    more: Partial<InstanceSpec> = {},
  ): Promise<void> {
    const spec = { service: 'user-service', id, host: '127.0.0.1', port, ...more };
    await this.registry.register(spec).listed();
  }

  async unlist(id: string): Promise<void> {
    const registration = this.registry.registrations.find(({ instance }) => instance.id === id);
    await registration?.deregister();
  }

  fetch(options?: HttpOptions): ServiceFetch {
    const fetch = createFetch(this.registry, options);
    onTestFinished(() => fetch.dispatcher.destroy());
    return fetch;
  }
}

export async function serve(
  id: string,
  answer?: RequestListener,
  tls?: ServerOptions,
): Promise<RunningServer> {
  const sockets = new Set<Socket>();
  const listener: RequestListener = (request, response) => {
    running.count++;
    response.on('close', () => {
      if (!response.writableFinished) running.cut++;
    });
    if (answer) answer(request, response);
    else response.end(id);
  };
  const server = (tls ? createSecureServer(tls, listener) : createServer(listener)) as Server;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(stop);
  const { port } = server.address() as AddressInfo;
  const running: RunningServer = { id, port, server, count: 0, cut: 0, sockets, stop };
  return running;
}

/** A port that takes connections and hands each to `talk`. */
export async function talk(talkTo: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talkTo(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Answers with what came. */
export const echo: RequestListener = (request, response) => {
  const answer = async () => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
  };
  answer().catch(() => response.destroy());
};

/** The error that a call ends with. */
export async function rejection(promise: Promise<unknown>): Promise<CallError> {
  const error: unknown = await promise.then(
    () => 'it resolved',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CallError);
  return error as CallError;
}
