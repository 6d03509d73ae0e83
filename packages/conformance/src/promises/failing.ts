import assert from 'node:assert/strict';
import {
  firstLayout,
  overriding,
  power,
  watching,
  type AdapterPromise,
  type Need,
  type PromiseGroup,
} from '../promise.ts';
import { ABORT_MS } from '../setting.ts';
import type { Client } from '../client.ts';
import type { ServiceInstance } from '@rollcall/core';
import type { Trial } from '../trial.ts';
import { eventually, rejection } from '../waiting.ts';

interface Call {
  readonly name: string;
  readonly needs?: readonly Need[];
  readonly use: (client: Client, listed: ServiceInstance, signal: AbortSignal) => Promise<unknown>;
}

const CALLS: readonly Call[] = [
  {
    name: 'register',
    use: ({ adapter }, listed, signal) => adapter.register(listed, { ttlMs: 60_000, signal }),
  },
  { name: 'deregister', use: ({ adapter }, listed, signal) => adapter.deregister(listed, { signal }) },
  {
    name: 'override',
    needs: [overriding],
    use: async ({ adapter }, listed, signal) => adapter.override?.(listed, { status: 'DOWN' }, { signal }),
  },
  { name: 'discover', use: ({ adapter }, listed, signal) => adapter.discover(listed, { signal }) },
  {
    name: 'listServices',
    use: ({ adapter }, listed, signal) => adapter.listServices(listed.namespace, { signal }),
  },
];

export const failing: PromiseGroup = {
  title: 'an outage',
  needs: [firstLayout],
  promises: [
    ...CALLS.map(({ name, needs = [], use }): AdapterPromise => ({
      title: `${name} rejects with a RegistryError that may be tried again`,
      needs: [...needs, power('outage')],
      async test(trial) {
        const { client, listed } = await listedBy(trial);
        await whileOut(trial, () => rejectsRetryable(trial, name, (signal) => use(client, listed, signal)));
      },
    })),
    {
      title: 'watch throws a RegistryError and never tells an empty list',
      needs: [watching, power('outage')],
      async test(trial) {
        const { client, listed } = await listedBy(trial);
        await whileOut(trial, () =>
          rejectsRetryable(trial, 'watch', async (signal) => {
            for await (const event of client.adapter.watch?.(listed, { signal }) ?? []) {
              throw new Error(`watch told something in an outage: ${JSON.stringify(event)}`);
            }
          }),
        );
      },
    },
    {
      title: 'a watch that was running never tells an empty list, and the list is whole after it',
      needs: [watching, power('outage')],
      async test(trial) {
        const { client, listed } = await listedBy(trial);
        const follower = client.follow(listed, { restart: true });
        await follower.started(trial.setting.visibleMs);
        const told = () => follower.instances.size;
        assert.equal(told(), 1);
        const newcomer = trial.instance(listed, 'newcomer');
        await whileOut(trial, async () => {
          const end = performance.now() + 500;
          while (performance.now() < end) {
            assert.equal(told(), 1, 'the list became empty in an outage');
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        });
        await serves(trial, () => client.register(newcomer));
        await serves(trial, () => client.register(listed));
        await eventually('watch tells both', 2 * trial.setting.visibleMs + trial.setting.callMs, () =>
          assert.deepEqual([...follower.instances.keys()].toSorted(), ['newcomer', 'one']),
        );
      },
    },
    {
      title: 'the same client serves again after it',
      needs: [power('outage')],
      async test(trial) {
        const { client, listed } = await listedBy(trial);
        await whileOut(trial, () =>
          rejectsRetryable(trial, 'discover', (signal) => client.adapter.discover(listed, { signal })),
        );
        await serves(trial, () => client.register(listed));
        await serves(trial, () => client.sees(listed, [listed]));
      },
    },
    {
      title:
        'open either rejects with a RegistryError or leaves it to the first call, and can be called again',
      needs: [power('outage')],
      async test(trial) {
        const client = await trial.closedClient();
        const key = trial.service();
        await whileOut(trial, () =>
          rejectsRetryable(trial, 'open, then discover,', async (signal) => {
            await client.adapter.open(signal);
            await client.adapter.discover(key, { signal });
          }),
        );
        await serves(trial, () => client.open());
        await serves(trial, () => client.sees(key, []));
      },
    },
    {
      title: 'close resolves in it',
      needs: [power('outage')],
      async test(trial) {
        const { client } = await listedBy(trial);
        const failed = await trial.closedClient();
        await whileOut(trial, async () => {
          await failed.open().catch(() => {});
          await failed.close();
          await client.close();
        });
      },
    },
  ],
};

async function listedBy(trial: Trial): Promise<{ client: Client; listed: ServiceInstance }> {
  const client = await trial.client();
  const listed = trial.instance(trial.service(), 'one');
  await client.register(listed);
  await client.sees(listed, [listed]);
  return { client, listed };
}

async function whileOut(trial: Trial, body: () => Promise<void>): Promise<void> {
  const { outage } = trial.setting.harness;
  await outage?.begin();
  try {
    await body();
  } finally {
    await outage?.end();
  }
}

async function rejectsRetryable(
  trial: Trial,
  name: string,
  use: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const { callMs } = trial.setting;
  const error = await rejection(name, callMs + ABORT_MS, use(AbortSignal.timeout(callMs)));
  // At the deadline the signal ends the call, which is `ABORTED` to an adapter that doesn't look for the reason.
  assert.ok(
    error.retryable || error.code === 'ABORTED',
    `${name} must reject with a code that may be tried again, but it is ${error.code}`,
  );
}

/** The registry is back; a client may need a moment to connect again. */
function serves<T>(trial: Trial, call: () => Promise<T>): Promise<T> {
  return eventually('the client serves again', 2 * trial.setting.callMs, async () => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Error && 'retryable' in error && error.retryable === true)
        assert.fail(error.message);
      throw error;
    }
  });
}
