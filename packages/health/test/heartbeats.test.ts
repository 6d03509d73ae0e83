import { Server, ServerCredentials } from '@grpc/grpc-js';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Heartbeats, type HeartbeatsOptions, HeartbeatServer } from '../src/grpc/index.ts';

/** Beats that a test needn't wait for. */
const QUICK = { intervalMs: 50, timeoutMs: 2_000, backoff: { baseMs: 10, capMs: 100 } };
const soon = { timeout: 10_000 };

async function serving(port = 0) {
  const server = new Server();
  const heartbeat = new HeartbeatServer();
  heartbeat.addTo(server);
  onTestFinished(() => server.forceShutdown());
  const taken = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { server, heartbeat, instance: at(taken) };
}

function at(port: number): ServiceInstance {
  return defineInstance({ service: 'users', id: 'a', host: '127.0.0.1', port });
}

function listening(options: Partial<HeartbeatsOptions> = {}) {
  const told: string[] = [];
  const heartbeats = new Heartbeats({
    ...QUICK,
    onChange: (_instance, isWell, reason) => told.push(isWell ? 'well' : `ill: ${reason?.message}`),
    ...options,
  });
  onTestFinished(() => heartbeats.close());
  return { heartbeats, told };
}

describe('heartbeats', { timeout: 30_000 }, () => {
  it('are answered by one that is well, of whom nothing is told', async () => {
    const { heartbeat, instance } = await serving();
    const { heartbeats, told } = listening();
    heartbeats.update([instance]);
    await vi.waitFor(() => expect(heartbeat.listeners).toBe(1), soon);
    expect(heartbeats.isWell(instance)).toBe(true);
    expect(heartbeats.isWell(at(1))).toBe(true);
    expect(told).toEqual([]);
  });

  it('tell at once what the instance says of itself', async () => {
    const { heartbeat, instance } = await serving();
    const { heartbeats, told } = listening({ intervalMs: 60_000, random: () => 0 });
    heartbeats.update([instance]);
    await vi.waitFor(() => expect(heartbeat.listeners).toBe(1), soon);
    heartbeat.status = 'NOT_SERVING';
    await vi.waitFor(() => expect(told).toEqual(['ill: it says NOT_SERVING']), soon);
    heartbeat.status = 'SERVING';
    await vi.waitFor(() => expect(told).toEqual([expect.anything(), 'well']), soon);
  });

  it('find out one that has died, and one that is there again', async () => {
    const { server, heartbeat, instance } = await serving();
    const { heartbeats, told } = listening();
    heartbeats.update([instance]);
    await vi.waitFor(() => expect(heartbeat.listeners).toBe(1), soon);
    server.forceShutdown();
    await vi.waitFor(() => expect(told).toEqual([expect.stringMatching(/^ill: /u)]), soon);
    const again = await serving(instance.port);
    await vi.waitFor(() => expect(told.at(-1)).toBe('well'), soon);
    expect(again.heartbeat.listeners).toBe(1);
  });

  it('find out one that takes connections and says nothing', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      sockets.add(socket);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    await once(silent, 'listening');
    const address = silent.address();
    const { heartbeats, told } = listening({ timeoutMs: 200 });
    heartbeats.update([at(typeof address === 'object' ? (address?.port ?? 0) : 0)]);
    await vi.waitFor(() => expect(told).toEqual(['ill: no answer to a heartbeat within 200 ms']), soon);
  });

  it('end where the instance leaves the list, moves, or when they are closed', async () => {
    const [one, other] = [await serving(), await serving()];
    const { heartbeats } = listening();
    heartbeats.update([one.instance]);
    await vi.waitFor(() => expect(one.heartbeat.listeners).toBe(1), soon);
    heartbeats.update([other.instance]);
    await vi.waitFor(
      () => expect([one.heartbeat.listeners, other.heartbeat.listeners]).toEqual([0, 1]),
      soon,
    );
    heartbeats.update([]);
    await vi.waitFor(() => expect(other.heartbeat.listeners).toBe(0), soon);
    expect(heartbeats.isWell(other.instance)).toBeUndefined();
    heartbeats.update([one.instance]);
    await vi.waitFor(() => expect(one.heartbeat.listeners).toBe(1), soon);
    heartbeats.close();
    await vi.waitFor(() => expect(one.heartbeat.listeners).toBe(0), soon);
    heartbeats.update([other.instance]);
    expect(heartbeats.isWell(other.instance)).toBeUndefined();
  });

  it('that the server ends are begun again', async () => {
    const { heartbeat, instance } = await serving();
    const { heartbeats, told } = listening();
    heartbeats.update([instance]);
    await vi.waitFor(() => expect(heartbeat.listeners).toBe(1), soon);
    heartbeat.close();
    expect(heartbeat.listeners).toBe(0);
    await vi.waitFor(() => expect(heartbeat.listeners).toBe(1), soon);
    expect(told).toEqual([]);
  });
});

it.each<[string, object]>([
  ['intervalMs', { intervalMs: 0 }],
  ['timeoutMs', { timeoutMs: -1 }],
  ['failures', { failures: Number.NaN }],
])('%s that can’t be is an error that names it', (field, options) => {
  const make = () => new Heartbeats({ onChange() {}, ...options });
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }) as Error);
});
