import { setTimeout as pause } from 'node:timers/promises';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import type { Connection } from './connection.ts';

/** The service that the probe is an instance of. */
export const PROBE_SERVICE = 'rollcall-doctor';

/** Should the probe be left behind, it is gone after this, in milliseconds. */
const PROBE_TTL_MS = 15_000;

/** Between two looks, in milliseconds. */
const PAUSE_MS = 50;

/** How long each step took, in milliseconds. */
export interface RoundTrip {
  readonly registerMs: number;
  /** From the registration until a list had it. */
  readonly seenMs: number;
  readonly deregisterMs: number;
  /** From the deregistration until a list no longer had it. */
  readonly goneMs: number;
}

/**
 * Registers a probe, sees it in the list, takes it out, and sees it gone.
 *
 * @throws {RegistryError} of the step that failed; the probe is taken out all the same.
 */
export async function roundTrip(connection: Connection, host: string): Promise<RoundTrip> {
  const { adapter, namespace } = connection;
  const { ttlRangeMs } = adapter.capabilities;
  const ttlMs = Math.min(Math.max(PROBE_TTL_MS, ttlRangeMs.min), ttlRangeMs.max);
  const probe = defineInstance({
    service: PROBE_SERVICE,
    namespace,
    host,
    // The discard port: nobody who finds the probe reaches anything.
    port: 9,
    id: `probe-${process.pid}-${Date.now()}`,
    // So that nobody gives it a call.
    status: 'OUT_OF_SERVICE',
    weight: 0,
  });
  let isListed = false;
  try {
    const began = performance.now();
    isListed = true;
    await connection.call(`register ${PROBE_SERVICE}/${probe.id}`, (signal) =>
      adapter.register(probe, { signal, ttlMs }),
    );
    const registered = performance.now();
    await whenListed(connection, probe, true);
    const seen = performance.now();
    await connection.deregister(probe);
    const deregistered = performance.now();
    await whenListed(connection, probe, false);
    isListed = false;
    return {
      registerMs: registered - began,
      seenMs: seen - registered,
      deregisterMs: deregistered - seen,
      goneMs: performance.now() - deregistered,
    };
  } finally {
    // What can't be taken out expires.
    if (isListed) await connection.deregister(probe).catch(() => {});
  }
}

async function whenListed(connection: Connection, { id }: ServiceInstance, wanted: boolean): Promise<void> {
  const { propagationMs } = connection.adapter.capabilities;
  const waitMs = propagationMs + 2_000;
  const end = performance.now() + waitMs;
  for (;;) {
    const { instances } = await connection.discover(PROBE_SERVICE);
    if (instances.some((one) => one.id === id) === wanted) return;
    if (performance.now() > end) {
      const what = wanted
        ? 'was registered, but no list has it'
        : 'was deregistered, but the list still has it';
      throw new Error(`the probe ${PROBE_SERVICE}/${id} ${what}, after ${Math.round(waitMs)} ms`);
    }
    await pause(PAUSE_MS);
  }
}
