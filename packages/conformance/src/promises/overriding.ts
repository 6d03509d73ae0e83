import assert from 'node:assert/strict';
import { type InstanceOverride, RegistryError, type ServiceInstance } from '@rollcall/core';
import type { Client } from '../client.ts';
import { assertSameInstances } from '../comparing.ts';
import {
  aCrash,
  carrying,
  firstLayout,
  overriding as overrides,
  watching,
  type PromiseGroup,
} from '../promise.ts';
import type { Trial } from '../trial.ts';
import { eventually, rejection } from '../waiting.ts';

const ROUNDS = 20;

export const overriding: PromiseGroup = {
  title: 'an override',
  needs: [overrides],
  promises: [
    {
      title: 'is seen by another client, and changes nothing else',
      needs: [carrying('status', 'weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const [rich, sibling] = [
          trial.instance(key, 'one', {
            scheme: 'https',
            version: '1.2.3',
            zone: 'eu-1a',
            tags: ['a', 'b'],
            metadata: { team: 'blue' },
            endpoints: ['grpc://127.0.0.1:9000'],
          }),
          trial.instance(key, 'two'),
        ];
        await owner.register(rich);
        await owner.register(sibling);
        await operator.sees(key, [rich, sibling]);
        const change = changeOf(trial, { status: 'OUT_OF_SERVICE', weight: 3 });
        await operator.override(rich, change);
        await reader.sees(key, [changed(rich, change), sibling]);
      },
    },
    {
      title: 'of one field leaves the other as it is',
      needs: [carrying('status'), carrying('weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const instance = trial.instance(key, 'one', { status: 'STARTING', weight: 5 });
        await owner.register(instance);
        await operator.sees(key, [instance]);
        await operator.override(instance, { weight: 0 });
        await reader.sees(key, [changed(instance, { weight: 0 })]);
        await operator.sees(key, [changed(instance, { weight: 0 })]);
        await operator.override(instance, { status: 'UP' });
        await reader.sees(key, [changed(instance, { weight: 0, status: 'UP' })]);
      },
    },
    {
      title: 'is told by a watch, which is not told that the entry left',
      needs: [watching, carrying('status', 'weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const instance = trial.instance(key, 'one');
        await owner.register(instance);
        await operator.sees(key, [instance]);
        const follower = reader.follow(key);
        await follower.until('the instance', trial.setting.visibleMs, () =>
          assertSameInstances(follower.instances.values(), [instance], trial.setting.capabilities),
        );
        const before = follower.events.length;
        for (const each of [
          { status: 'OUT_OF_SERVICE', weight: 3 },
          { status: 'UP', weight: 1 },
        ] as const) {
          const change = changeOf(trial, each);
          await operator.override(instance, change);
          await follower.until('the override', trial.setting.visibleMs, () =>
            assertSameInstances(
              follower.instances.values(),
              [changed(instance, change)],
              trial.setting.capabilities,
            ),
          );
          await operator.sees(key, [changed(instance, change)]);
        }
        for (const event of follower.events.slice(before)) {
          const left = event.kind === 'list' ? event.instances.length === 0 : event.removed.length > 0;
          assert.ok(!left, `the entry left for a moment: ${JSON.stringify(event)}`);
        }
      },
    },
    {
      title: 'of an entry that is not listed is refused, and creates nothing',
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const [listed, absent] = [trial.instance(key, 'one'), trial.instance(key, 'two')];
        const elsewhere = trial.service('elsewhere');
        await owner.register(listed);
        await operator.sees(key, [listed]);
        for (const entry of [absent, trial.instance(elsewhere, 'one')]) {
          const { callMs } = trial.setting;
          const error = await rejection('override', callMs, operator.override(entry, { status: 'DOWN' }));
          assert.equal(error.code, 'INVALID_ARGUMENT', `the code is ${error.code}: ${error.message}`);
          assert.equal(error.field, 'id', 'the error must name the field id');
        }
        await reader.sees(key, [listed]);
        await reader.sees(elsewhere, []);
        assert.ok(!(await reader.listServices(key.namespace)).includes(elsewhere.service));
      },
    },
    {
      title: 'ends when the owner registers again, unless the registry is said to keep it',
      needs: [carrying('status', 'weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const { keepsOverrides = false } = trial.setting.capabilities;
        const instance = trial.instance(key, 'one');
        await owner.register(instance);
        await operator.sees(key, [instance]);
        const change = changeOf(trial, { status: 'OUT_OF_SERVICE', weight: 3 });
        await operator.override(instance, change);
        await reader.sees(key, [changed(instance, change)]);
        for (const written of [instance, trial.instance(key, 'one', { host: '127.0.0.2' })]) {
          await owner.register(written);
          await reader.sees(key, [keepsOverrides ? changed(written, change) : written]);
        }
      },
    },
    {
      title: 'never takes back what the owner has written meanwhile',
      needs: [firstLayout, carrying('metadata')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        await owner.register(trial.numbered(key, 'one', 0));
        await operator.sees(key, [trial.numbered(key, 'one', 0)]);
        const written = new AbortController();
        const write = async () => {
          for (let n = 1; n <= ROUNDS; n++) await owner.register(trial.numbered(key, 'one', n));
        };
        const override = async () => {
          for (let weight = 1_000; !written.signal.aborted; weight++)
            await unlessContested(operator.override({ ...key, id: 'one' }, { weight }));
        };
        await Promise.all([write().finally(() => written.abort()), override()]);
        await eventually('the owner’s last state is listed', trial.setting.visibleMs, async () => {
          const [instance] = (await reader.discover(key)).instances;
          assert.equal(instance?.metadata?.['n'], String(ROUNDS));
        });
      },
    },
    {
      title: 'leaves the beats to the owner: the entry outlives the operator',
      needs: [firstLayout, carrying('status', 'weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const instance = trial.instance(key, 'one');
        const lease = await owner.register(instance, trial.setting.ttlMs);
        await operator.sees(key, [instance]);
        const change = changeOf(trial, { status: 'OUT_OF_SERVICE', weight: 3 });
        await operator.override(instance, change);
        await operator.close();
        await reader.sees(key, [changed(instance, change)]);
        const end = performance.now() + 2.5 * lease.ttlMs + trial.setting.capabilities.crashSlackMs;
        while (performance.now() < end) {
          const { instances } = await reader.discover(key);
          assert.equal(instances.length, 1, 'the instance left the list while its process was alive');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.deepEqual(owner.beatFailures, []);
        await reader.sees(key, [changed(instance, change)]);
      },
    },
    {
      title: 'leaves the life to the owner: the entry is gone when that one crashes',
      needs: [firstLayout, aCrash, carrying('status', 'weight')],
      async test(trial) {
        const { owner, operator, reader, key } = await cast(trial);
        const instance = trial.instance(key, 'one');
        const lease = await owner.register(instance, trial.setting.ttlMs);
        await operator.sees(key, [instance]);
        await operator.override(instance, changeOf(trial, { status: 'OUT_OF_SERVICE', weight: 3 }));
        await owner.crash();
        await eventually('the crashed instance is gone', trial.setting.goneMs(lease), async () => {
          const { instances } = await reader.discover(key);
          assert.equal(instances.length, 0, 'the crashed instance is still listed');
        });
      },
    },
  ],
};

/** Who has a part in each of these. */
async function cast(trial: Trial) {
  const [owner, operator, reader] = [await trial.client(), await trial.client(), await trial.client()];
  return { owner, operator, reader, key: trial.service() };
}

/** What of a change the registry carries. */
function changeOf(trial: Trial, { status, weight }: InstanceOverride): InstanceOverride {
  const { fields } = trial.setting.capabilities;
  return {
    ...(status !== undefined && fields.includes('status') && { status }),
    ...(weight !== undefined && fields.includes('weight') && { weight }),
  };
}

function changed(instance: ServiceInstance, change: InstanceOverride): ServiceInstance {
  return { ...instance, ...change };
}

/** One that met with the owner's write each time may be tried again. */
async function unlessContested(override: ReturnType<Client['override']>): Promise<void> {
  await override.catch((error: unknown) => {
    if (!(error instanceof RegistryError && error.retryable)) throw error;
  });
}
