import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
} from '@rollcall/core';
import { WatchFollower } from '@rollcall/core/testing';
import { onTestFinished } from 'vitest';
import { gatewayAdapter, type GatewayOptions } from '../src/index.ts';

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

/** A request as a gateway gets it. */
export interface Asked {
  readonly method: string;
  /** As it came, still encoded. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Script = (asked: Asked, response: ServerResponse, n: number) => void;

/** Something that answers HTTP as told, and remembers what it was asked. It ends with the test. */
export class Scripted {
  readonly url: string;
  readonly asked: Asked[] = [];
  /** What is played to all that `me` isn't. */
  script: Script;
  readonly #stop: () => Promise<void>;

  static async start(script: Script = () => {}): Promise<Scripted> {
    let it: Scripted | undefined = undefined;
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        it?.play({ method, path, headers, body: String(Buffer.concat(parts)) }, response);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stop = async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    };
    onTestFinished(stop);
    it = new Scripted(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, script, stop);
    return it;
  }

  constructor(url: string, script: Script, stop: () => Promise<void>) {
    this.url = url;
    this.script = script;
    this.#stop = stop;
  }

  play(asked: Asked, response: ServerResponse): void {
    if (asked.path === '/v1/me') {
      json(response, { subject: 'test', kind: 'anonymous', roles: [], namespaces: [] });
      return;
    }
    this.asked.push(asked);
    this.script(asked, response, this.asked.length);
  }

  /** What it was asked: `PUT /v1/leases`. */
  get lines(): readonly string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function problem(response: ServerResponse, status: number, more: object = {}): void {
  const body = { type: 'urn:rollcall:problem:test', title: 'A problem', status, ...more };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}

/** Begins a stream of events. */
export function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

export function tell(response: ServerResponse, event: string, data: object): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/**
 * Plays leases and instances as a gateway does, in memory.
 *
 * @param options.knows the leases that it has granted.
 */
export function leasing(name: string, { knows = new Set<string>(), ttlMs = 9_000 } = {}): Script {
  return ({ method, path, headers }, response) => {
    const lease = /^\/v1\/leases\/([^/]+)/u.exec(path)?.[1] ?? headers['rollcall-lease'];
    if (method === 'POST' && path === '/v1/leases') {
      const id = `${name}-${knows.size + 1}`;
      knows.add(id);
      json(response, { id, ttlMs }, 201);
    } else if (method === 'DELETE') {
      knows.delete(String(lease));
      response.writeHead(204).end();
    } else if (!knows.has(String(lease)))
      problem(response, 404, { code: 'LEASE_LOST', detail: `there is no lease ${String(lease)}` });
    else if (path.endsWith('/renew')) json(response, { id: lease, ttlMs });
    else json(response, {}, 201);
  };
}

/** An open adapter, closed after the test. */
export async function openAdapter(
  options: GatewayOptions,
  context?: Parameters<typeof gatewayAdapter>[1],
): Promise<Required<RegistryAdapter>> {
  const adapter = gatewayAdapter(options, context) as Required<RegistryAdapter>;
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  return adapter;
}

export function instance(service: string, id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service, id, host: '10.0.0.7', port: 8080, ...more });
}

export function keyOf(service: string): ServiceKey {
  return { namespace: 'default', service };
}

/** Follows the watch of a service until the test ends. */
export function follow(adapter: Required<RegistryAdapter>, service: string): WatchFollower {
  const follower = new WatchFollower((signal) => adapter.watch(keyOf(service), { signal }));
  onTestFinished(() => follower.stop());
  return follower;
}
