import { Agent, request, type ClientRequest } from 'node:http';
import type { Registry, ServiceInstance } from '@rollcall/core';

type Address = Pick<ServiceInstance, 'host' | 'port'>;

/** Callers at work. */
export class Load {
  sent = 0;
  readonly failed: string[] = [];
  /** How many connections they opened: far fewer than requests, where they are kept. */
  readonly connections = new Set<unknown>();
  /** Resolves when the last caller has gone home. */
  readonly ended: Promise<unknown>;

  /** @param caller is run so many times at once, until each of them has returned. */
  constructor(callers: number, caller: (load: Load) => Promise<void>) {
    this.ended = Promise.all(Array.from({ length: callers }, () => caller(this)));
  }
}

/**
 * Callers that send one request after the other, over kept connections, to whatever the registry lists at that moment, until nothing is
 * listed. Node's own client: it uses a kept connection without asking, so it sees every one that is closed too early.
 */
export async function loadUntilGone(registry: Registry, callers: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const view = registry.service('user-service');
  await view.load();
  const load = new Load(callers, async (own) => {
    for (;;) {
      const instance = view.snapshot?.instances[0];
      if (!instance) return;
      own.sent++;
      // oxlint-disable-next-line no-await-in-loop -- one caller sends one after the other
      await get(instance, { agent, onSocket: (socket) => own.connections.add(socket) }).catch(
        (error: unknown) => own.failed.push(String(error)),
      );
    }
  });
  void load.ended.then(() => agent.destroy());
  return load;
}

/**
 * Callers who don't know better: they go on over kept connections until nobody listens any more. To be refused a new connection costs
 * them nothing, so it isn't counted; a kept connection that ends under a request is.
 */
export function loadUntilRefused(address: Address, callers: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const load = new Load(callers, async (own) => {
    for (;;) {
      let call: ClientRequest | undefined;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one caller sends one after the other
        await get(address, { agent, onSocket: (socket, by) => (own.connections.add(socket), (call = by)) });
        own.sent++;
      } catch (error) {
        if (!call?.reusedSocket) return;
        own.failed.push(String(error));
      }
    }
  });
  void load.ended.then(() => agent.destroy());
  return load;
}

export interface GetOptions {
  readonly agent?: Agent;
  readonly path?: string;
  readonly onSocket?: (socket: unknown, call: ClientRequest) => void;
}

/** A GET; rejects where the answer isn't a whole 200. */
export function get(
  { host, port }: Address,
  { agent, path = '/', onSocket = () => {} }: GetOptions = {},
): Promise<{ readonly body: string; readonly connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const call = request({ host, port, path, ...(agent && { agent }) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ body, connection: response.headers.connection });
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    call.on('socket', (socket) => onSocket(socket, call));
    call.on('error', reject);
    call.end();
  });
}
