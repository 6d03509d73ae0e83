import { createServer } from 'node:net';
import { once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { HealthImplementation } from 'grpc-health-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HealthWatches, type HealthWatchesOptions } from '../src/grpc/index.ts';

const QUICK = { timeoutMs: 2_000, backoff: { baseMs: 10, capMs: 100 } };
const soon = { timeout: 10_000 };

/** A server with gRPC's own implementation of the protocol, unless it has none. */
async function serving({
  port = 0,
  health = new HealthImplementation({ '': 'SERVING' }),
  bare = false,
} = {}) {
  const server = new Server();
  if (!bare) health.addToServer(server);
  onTestFinished(() => server.forceShutdown());
  const taken = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { server, health, instance: at(taken) };
}

function at(port: number): ServiceInstance {
  return defineInstance({ service: 'users', id: 'a', host: '127.0.0.1', port });
}

function watching(options: Partial<HealthWatchesOptions> = {}) {
  const told: string[] = [];
  const watches = new HealthWatches({
    ...QUICK,
    onChange: (_instance, isWell, reason) => told.push(isWell ? 'well' : `ill: ${reason?.message}`),
    ...options,
  });
  onTestFinished(() => watches.close());
  return { watches, told };
}

describe('a health watch', { timeout: 30_000 }, () => {
  it('tells at once what the server says of itself', async () => {
    const { health, instance } = await serving();
    const { watches, told } = watching();
    watches.update([instance]);
    health.setStatus('', 'NOT_SERVING');
    await vi.waitFor(() => expect(told).toEqual(['ill: it says NOT_SERVING']), soon);
    expect(watches.isWell(instance)).toBe(false);
    health.setStatus('', 'SERVING');
    await vi.waitFor(() => expect(told).toEqual([expect.anything(), 'well']), soon);
  });

  it('asks for the service that it is told to, and one that is unknown there is ill', async () => {
    const { instance } = await serving({
      health: new HealthImplementation({ users: 'SERVING', orders: 'NOT_SERVING' }),
    });
    const [users, orders, none] = [
      watching({ service: 'users' }),
      watching({ service: 'orders' }),
      watching({ service: 'none' }),
    ];
    for (const { watches } of [users, orders, none]) watches.update([instance]);
    await vi.waitFor(() => expect(orders.told).toEqual(['ill: it says NOT_SERVING']), soon);
    await vi.waitFor(() => expect(none.told).toEqual(['ill: it says SERVICE_UNKNOWN']), soon);
    expect(users.told).toEqual([]);
  });

  it('finds out one that has died, and one that is there again', async () => {
    const { server, health, instance } = await serving();
    const { watches, told } = watching();
    watches.update([instance]);
    health.setStatus('', 'NOT_SERVING');
    await vi.waitFor(() => expect(told).toHaveLength(1), soon);
    health.setStatus('', 'SERVING');
    await vi.waitFor(() => expect(told).toHaveLength(2), soon);
    server.forceShutdown();
    await vi.waitFor(() => expect(told).toHaveLength(3), soon);
    expect(told[2]).toMatch(/^ill: /u);
    await serving({ port: instance.port });
    await vi.waitFor(() => expect(told.at(-1)).toBe('well'), soon);
  });

  it('finds out one that takes connections and says nothing', async () => {
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const address = silent.address();
    const { watches, told } = watching({ timeoutMs: 200 });
    watches.update([at(typeof address === 'object' ? (address?.port ?? 0) : 0)]);
    await vi.waitFor(() => expect(told).toEqual(['ill: no answer to a health watch within 200 ms']), soon);
  });

  it('takes one for well that doesn’t implement it', async () => {
    const { server, instance } = await serving({ bare: true });
    const { watches, told } = watching({ failures: 1, random: () => 0 });
    server.forceShutdown();
    watches.update([instance]);
    await vi.waitFor(() => expect(told).toHaveLength(1), soon);
    await serving({ port: instance.port, bare: true });
    await vi.waitFor(() => expect(told.at(-1)).toBe('well'), soon);
  });

  it.each([{ timeoutMs: 0 }, { pingMs: -1 }, { failures: 0 }])('refuses %j', (options) => {
    expect(() => watching(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: Object.keys(options)[0] }),
    );
  });
});
