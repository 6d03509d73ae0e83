import {
  defineInstance,
  type InstanceKey,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
  systemClock,
  RegistryError,
} from '@rollcall/core';
import { WatchFollower } from '@rollcall/core/testing';
import { startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';
import { onTestFinished } from 'vitest';
import { GrpcTransport } from '../src/grpc-transport.ts';
import { type NacosOptions, nacosAdapter } from '../src/index.ts';
import type { Layout } from '../src/layouts/layout.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

/** Nacos starts in ten seconds, and in minutes on a machine that does much else. */
export const START_MS = 240_000;

/** Nacos decides for itself. */
export const ttlMs = 20_000;

/** An open adapter, closed after the test. */
export async function openAdapter(options: NacosOptions): Promise<Required<RegistryAdapter>> {
  const adapter = nacosAdapter(options) as Required<RegistryAdapter>;
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  return adapter;
}

export function instance(service: string, id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service, id, host: '10.0.0.7', port: 8080, ...more });
}

export function keyOf(service: string): { namespace: string; service: string } {
  return { namespace: 'default', service };
}

/** Follows the watch of a service until the test ends. */
export function follow(adapter: Required<RegistryAdapter>, service: string): WatchFollower {
  const follower = new WatchFollower((signal) => adapter.watch(keyOf(service), { signal }));
  onTestFinished(() => follower.stop());
  return follower;
}

/** A server behind proxies, one for each of the two ports that clients use. */
export interface ProxiedNacos {
  /** For the option `servers`. */
  readonly server: string;
  readonly grpc: TcpProxy;
  readonly http: TcpProxy;
  cut(): Promise<void>;
  blackhole(): void;
  restore(): Promise<void>;
  stop(): Promise<void>;
}

export async function startProxies(endpoint: string): Promise<ProxiedNacos> {
  const port = Number(new URL(endpoint).port);
  const target = { targetHost: '127.0.0.1', targetPort: port };
  for (;;) {
    const http = await startTcpProxy(target);
    try {
      const grpc = await startTcpProxy({ ...target, targetPort: port + 1_000, port: http.port + 1_000 });
      const each = async (run: (proxy: TcpProxy) => Promise<void> | void) => {
        await Promise.all([http, grpc].map(async (proxy) => run(proxy)));
      };
      return {
        server: endpoint.replace(/:\d+$/u, `:${http.port}`),
        grpc,
        http,
        cut: () => each((proxy) => proxy.cut()),
        blackhole: () => void each((proxy) => proxy.blackhole()),
        restore: () => each((proxy) => proxy.restore()),
        stop: () => each((proxy) => proxy.stop()),
      };
    } catch (error) {
      await http.stop();
      // The port that is higher by 1000 was taken: another pair may be free.
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
}

/** Writes what it likes into Nacos, over a connection of its own. */
export class Stranger {
  readonly #transport: GrpcTransport;
  readonly #layout: Layout;
  #ports = 40_000;

  constructor(server: string, layout: Layout = rollcallLayout) {
    const group = 'DEFAULT_GROUP';
    this.#transport = new GrpcTransport({ servers: [server], group, ephemeral: true, clock: systemClock });
    this.#layout = layout;
  }

  /** An entry where that of the key would stand, with metadata of one's own. */
  async write({ service, id }: InstanceKey, metadata: Readonly<Record<string, string>>): Promise<void> {
    const entry = {
      ip: '10.0.0.8',
      port: this.#ports++,
      weight: 1,
      healthy: true,
      clusterName: 'DEFAULT',
      metadata,
    };
    const name = this.#layout.serviceName(service);
    const call = { doing: 'write what it likes', ...soon(), ttlMs };
    await this.#transport.register({ namespaceId: 'public', name }, id, entry, call);
  }

  close(): void {
    this.#transport.close(new RegistryError('CLOSED', 'the test is over'));
  }
}

/** Asks Nacos' HTTP API, as an operator does. */
export async function operate(server: string, pathAndQuery: string, method = 'GET'): Promise<string> {
  const answer = await fetch(`${server}/nacos/${pathAndQuery}`, { method, ...soon() });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${pathAndQuery}: ${answer.status} ${text}`);
  return text;
}

/** What Nacos lists of a service, as it is. */
export async function rawList(server: string, service: string): Promise<{ port: number }[]> {
  const text = await operate(server, `v1/ns/instance/list?serviceName=DEFAULT_GROUP@@${service}`);
  return (JSON.parse(text) as { hosts: { port: number }[] }).hosts;
}
