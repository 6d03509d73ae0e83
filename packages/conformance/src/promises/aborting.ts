import assert from 'node:assert/strict';
import type { Lease, ServiceInstance } from '@rollcall/core';
import type { Client } from '../client.ts';
import {
  aLeaseToRenew,
  firstLayout,
  overriding,
  power,
  watching,
  watchingServices,
  type AdapterPromise,
  type Need,
  type PromiseGroup,
} from '../promise.ts';
import { ABORT_MS } from '../setting.ts';
import type { Trial } from '../trial.ts';
import { registryError, rejection, settles } from '../waiting.ts';

interface Call {
  readonly name: string;
  readonly needs?: readonly Need[];
  readonly run: (place: Place, signal: AbortSignal) => Promise<unknown>;
}

interface Place {
  readonly client: Client;
  /** Is listed, by `client`, under `lease`. */
  readonly listed: ServiceInstance;
  readonly lease: Lease;
  /** Isn't listed. */
  readonly absent: ServiceInstance;
}

const CALLS: readonly Call[] = [
  {
    name: 'register',
    run: ({ client, absent }, signal) => client.adapter.register(absent, { ttlMs: 60_000, signal }),
  },
  { name: 'deregister', run: ({ client, listed }, signal) => client.adapter.deregister(listed, { signal }) },
  {
    name: 'override',
    needs: [overriding],
    run: async ({ client, listed }, signal) =>
      client.adapter.override?.(listed, { status: 'DOWN', weight: 3 }, { signal }),
  },
  { name: 'discover', run: ({ client, listed }, signal) => client.adapter.discover(listed, { signal }) },
  {
    name: 'listServices',
    run: ({ client, listed }, signal) => client.adapter.listServices(listed.namespace, { signal }),
  },
  { name: 'renew', needs: [aLeaseToRenew], run: async ({ lease }, signal) => lease.renew?.({ signal }) },
];

const ITERATIONS: readonly Call[] = [
  {
    name: 'watch',
    needs: [watching],
    run: ({ client, listed }, signal) => drain(client.adapter.watch?.(listed, { signal })),
  },
  {
    name: 'watchServices',
    needs: [watchingServices],
    run: ({ client, listed }, signal) => drain(client.adapter.watchServices?.(listed.namespace, { signal })),
  },
];

export const aborting: PromiseGroup = {
  title: 'abort',
  needs: [firstLayout],
  promises: [
    ...CALLS.map(aborted),
    ...ITERATIONS.map(endsBefore),
    {
      title: 'open with an aborted signal settles at once',
      async test(trial) {
        const { adapter } = await trial.closedClient();
        await settles('open', ABORT_MS, ignored(adapter.open(AbortSignal.abort())));
      },
    },
    ...CALLS.map(inFlight),
    ...ITERATIONS.map(endsDuring),
    ...[...CALLS, ...ITERATIONS].map(stalled),
    {
      title: 'open that waits for a registry that does not answer settles when it is aborted',
      needs: [power('stall')],
      async test(trial) {
        const { adapter } = await trial.closedClient();
        await whileStalled(trial, async () => {
          const abort = new AbortController();
          const open = ignored(adapter.open(abort.signal));
          await pauseBeforeAbort();
          abort.abort();
          await settles('open', ABORT_MS, open);
        });
      },
    },
  ],
};

/** The signal has aborted before the call. */
function aborted({ name, needs = [], run }: Call): AdapterPromise {
  return {
    title: `${name} with an aborted signal rejects and changes nothing`,
    needs,
    async test(trial) {
      const place = await placeOf(trial);
      const { code } = await rejection(name, ABORT_MS, run(place, AbortSignal.abort()));
      assertAbortCode(name, code);
      await place.client.sees(place.listed, [place.listed]);
      await place.client.sees(place.absent, []);
    },
  };
}

function endsBefore({ name, needs = [], run }: Call): AdapterPromise {
  return {
    title: `${name} with an aborted signal ends at once`,
    needs,
    async test(trial) {
      const place = await placeOf(trial);
      await endsByAbort(name, run(place, AbortSignal.abort()));
    },
  };
}

/** The call may be done before the abort reaches it, so either outcome is good; hanging is not. */
function inFlight({ name, needs = [], run }: Call): AdapterPromise {
  return {
    title: `${name} settles when it is aborted under way`,
    needs,
    async test(trial) {
      const place = await placeOf(trial);
      const abort = new AbortController();
      const call = run(place, abort.signal);
      abort.abort();
      await settlesByAbort(name, call);
    },
  };
}

function endsDuring({ name, needs = [], run }: Call): AdapterPromise {
  return {
    title: `${name} ends when it is aborted while it waits`,
    needs,
    async test(trial) {
      const place = await placeOf(trial);
      const abort = new AbortController();
      let over = false;
      const call = run(place, abort.signal).finally(() => (over = true));
      call.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, Math.min(trial.setting.visibleMs, 300)));
      assert.ok(!over, `${name} ended before it was aborted`);
      abort.abort();
      await endsByAbort(name, call);
    },
  };
}

function stalled({ name, needs = [], run }: Call): AdapterPromise {
  return {
    title: `${name} settles when it is aborted while the registry does not answer`,
    needs: [...needs, power('stall')],
    async test(trial) {
      const place = await placeOf(trial);
      await whileStalled(trial, async () => {
        const abort = new AbortController();
        const call = run(place, abort.signal);
        call.catch(() => {});
        await pauseBeforeAbort();
        abort.abort();
        await settlesByAbort(name, call);
      });
    },
  };
}

async function placeOf(trial: Trial): Promise<Place> {
  const client = await trial.client();
  const listed = trial.instance(trial.service('listed'), 'one');
  const absent = trial.instance(trial.service('absent'), 'one');
  const lease = await client.register(listed);
  await client.sees(listed, [listed]);
  return { client, listed, lease, absent };
}

async function whileStalled(trial: Trial, body: () => Promise<void>): Promise<void> {
  const { stall } = trial.setting.harness;
  await stall?.begin();
  try {
    await body();
  } finally {
    await stall?.end();
  }
}

/** Lets the request leave. Too short or too long, the test stays true; it would only test less. */
function pauseBeforeAbort(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

async function drain(items: AsyncIterable<unknown> | undefined): Promise<void> {
  assert.ok(items, 'the method is missing');
  const iterator = items[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

/** An iteration may end by the signal, or throw that it was aborted. */
async function endsByAbort(name: string, call: Promise<unknown>): Promise<void> {
  const error = await outcome(name, call);
  if (error) assertAbortCode(name, registryError(name, error.thrown).code);
}

/** A call may have been done before the abort; when it rejects, it is with a `RegistryError`. */
async function settlesByAbort(name: string, call: Promise<unknown>): Promise<void> {
  const error = await outcome(name, call);
  if (error) registryError(name, error.thrown);
}

function outcome(name: string, call: Promise<unknown>): Promise<{ thrown: unknown } | undefined> {
  const settled = call.then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  return settles(`${name}, aborted,`, ABORT_MS, settled);
}

function assertAbortCode(name: string, code: string): void {
  assert.ok(
    code === 'ABORTED' || code === 'DEADLINE_EXCEEDED',
    `${name} must reject with ABORTED, but the code is ${code}`,
  );
}

async function ignored(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {});
}
