import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { defineInstance, type Lease, type RegistryAdapter, type ServiceInstance } from '@rollcall/core';
import type { Connection } from '../connection.ts';
import { count, warn } from '../output.ts';
import type { Progress } from '../progress.ts';
import { readEach } from '../read-each.ts';
import { follow, type Follower } from './follower.ts';
import { measureRate, timingsOf, type Rate, type Timings } from './timings.ts';

/** Services that benches use. */
export const BENCH_PREFIX = 'rollcall-bench-';

/** What a bench that is killed leaves behind is gone after this, in milliseconds, where the registry takes that TTL. */
const TTL_MS = 60_000;

export interface BenchSettings {
  readonly instances: number;
  /** How long lookups, and then changes, are measured, in milliseconds. */
  readonly durationMs: number;
  /** How many calls are under way at once; changes are made one after the other. */
  readonly concurrency: number;
}

/** Changes that another client was told of. */
export interface Changes extends Timings {
  /** How that client learns of them. */
  readonly by: Follower['by'];
  /** Those that it wasn't told of in time. */
  readonly unseen: number;
}

export interface BenchResult {
  readonly registrations: Rate;
  /** Each reads the whole list. */
  readonly lookups: Rate;
  /** From before the write until another client was told of it. */
  readonly changes: Changes;
  readonly deregistrations: Rate;
}

export interface BenchParts extends BenchSettings {
  /** Registers, changes, looks up. */
  readonly connection: Connection;
  /** A client with a connection of its own, which sees the changes. */
  readonly watcher: RegistryAdapter;
  /** Ends it early. What was registered is removed all the same. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** A name that no service has. */
export function benchService(): string {
  return `${BENCH_PREFIX}${process.pid}-${randomBytes(3).toString('hex')}`;
}

/**
 * Measures a registry with a service of its own, and removes it, however it ends.
 *
 * @returns the figures; `undefined` when the signal ended it early.
 * @throws {RegistryError} of the first call that failed.
 */
export async function runBench(service: string, parts: BenchParts): Promise<BenchResult | undefined> {
  const { connection, concurrency: atOnce, durationMs, signal, progress } = parts;
  const { adapter, namespace } = connection;
  const specs = Array.from({ length: parts.instances }, (_, at) => specOf({ service, namespace }, at));
  const { min, max } = adapter.capabilities.ttlRangeMs;
  const ttlMs = Math.min(Math.max(TTL_MS, min), max);
  const leases = new Set<Lease>();
  // Those that may be listed: also one whose registration was sent and failed.
  const listed = new Set<ServiceInstance>();
  const register = async (instance: ServiceInstance): Promise<void> => {
    const lease = await connection.call(`register ${service}/${instance.id}`, (callSignal) =>
      adapter.register(instance, { signal: callSignal, ttlMs }),
    );
    leases.add(lease);
  };
  const remove = async (): Promise<Rate> => {
    let done = 0;
    const total = listed.size;
    return await measureRate(
      each([...listed], async (instance) => {
        await connection.deregister(instance);
        listed.delete(instance);
        progress.show(`removing: ${++done} of ${total}`);
      }),
      { atOnce, signal: NEVER },
    );
  };
  const beats = keepAlive(connection, leases, ttlMs);
  let removed: Promise<Rate> | undefined;
  try {
    let done = 0;
    const registrations = await measureRate(
      each(specs, async (instance) => {
        listed.add(instance);
        await register(instance);
        progress.show(`registering: ${++done} of ${specs.length}`);
      }),
      { atOnce, signal },
    );
    if (!signal.aborted) await whenListed(connection, service, specs.length, signal);
    if (signal.aborted) return undefined;

    const end = performance.now() + durationMs;
    const lookups = await measureRate(
      until(end, () => {
        showTime(progress, 'looking up', end);
        return connection.discover(service);
      }),
      { atOnce, signal },
    );
    if (signal.aborted) return undefined;

    const changes = await measureChanges(service, specs, register, parts);
    if (signal.aborted) return undefined;
    removed = remove();
    return { registrations, lookups, changes, deregistrations: await removed };
  } finally {
    clearInterval(beats);
    // A removal that failed isn't tried again: it was waited for long enough.
    if (!removed) await remove().catch(() => {});
    progress.clear();
    if (listed.size > 0) {
      const left = `${count(listed.size, 'instance')} of ${service} may be left in the registry`;
      warn(`${left}, until their TTL of ${ttlMs / 1_000} s has passed`);
    }
  }
}

async function measureChanges(
  service: string,
  specs: readonly ServiceInstance[],
  register: (instance: ServiceInstance) => Promise<void>,
  { connection, watcher, durationMs, signal, progress }: BenchParts,
): Promise<Changes> {
  const { adapter, namespace, timeoutMs } = connection;
  const withinMs = adapter.capabilities.propagationMs + timeoutMs;
  const follower = await follow(watcher, { namespace, service }, withinMs);
  const tookMs: number[] = [];
  let unseen = 0;
  const end = performance.now() + durationMs;
  try {
    for (let turn = 1; performance.now() < end && !signal.aborted; turn++) {
      const spec = specs[turn % specs.length];
      if (!spec) break;
      const { instance, isIt } = changed(spec, turn, adapter);
      showTime(progress, `changing: ${tookMs.length} seen`, end);
      const sentAt = performance.now();
      const seen = follower.seen(isIt, withinMs);
      seen.catch(() => {});
      await register(instance);
      const seenAt = await seen;
      if (seenAt === undefined) unseen++;
      else tookMs.push(seenAt - sentAt);
    }
    return { ...timingsOf(tookMs), by: follower.by, unseen };
  } finally {
    await follower.close();
  }
}

/** An instance at an address of its own that nobody has: those for documentation (RFC 5737). */
function specOf(key: { readonly service: string; readonly namespace: string }, at: number): ServiceInstance {
  const host = `192.0.2.${1 + (at % 254)}`;
  return defineInstance({ ...key, host, port: 1_024 + Math.floor(at / 254), id: `bench-${at}` });
}

/** The instance with a field that differs at each turn: the first that the registry carries. */
function changed(
  instance: ServiceInstance,
  turn: number,
  { capabilities: { fields } }: RegistryAdapter,
): { readonly instance: ServiceInstance; readonly isIt: (seen: ServiceInstance) => boolean } {
  const text = String(turn);
  if (fields.includes('metadata')) {
    return {
      instance: defineInstance({ ...instance, metadata: { turn: text } }),
      isIt: ({ id, metadata }) => id === instance.id && metadata?.['turn'] === text,
    };
  }
  return {
    instance: defineInstance({ ...instance, version: text }),
    isIt: ({ id, version }) => id === instance.id && version === text,
  };
}

/** Renews what is held. One that fails is seen by the calls that need it. */
function keepAlive(connection: Connection, leases: ReadonlySet<Lease>, ttlMs: number): NodeJS.Timeout {
  return setInterval(() => {
    void readEach([...leases], async (lease) => {
      await connection.call('renew', async (signal) => lease.renew?.({ signal })).catch(() => {});
    });
  }, ttlMs / 3);
}

/** Waits until a list has all: what is looked up before would be a shorter one. */
async function whenListed(
  connection: Connection,
  service: string,
  wanted: number,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = connection.adapter.capabilities.propagationMs + connection.timeoutMs;
  const end = performance.now() + waitMs;
  while (!signal.aborted) {
    const { length } = (await connection.discover(service)).instances;
    if (length === wanted) return;
    if (performance.now() > end)
      throw new Error(
        `${wanted} were registered, but the list has ${length}, after ${Math.round(waitMs)} ms`,
      );
    await pause(50);
  }
}

function* each<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>) {
  for (const item of items) yield () => run(item);
}

function* until(end: number, run: () => Promise<unknown>) {
  while (performance.now() < end) yield run;
}

function showTime(progress: Progress, what: string, end: number): void {
  progress.show(`${what}: ${Math.max(0, (end - performance.now()) / 1_000).toFixed(1)} s to go`);
}

const NEVER = new AbortController().signal;
