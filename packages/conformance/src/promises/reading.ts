import assert from 'node:assert/strict';
import { firstLayout, namespaces, power, watchingServices, type PromiseGroup } from '../promise.ts';
import type { Trial } from '../trial.ts';
import { UNREADABLE } from '../unreadable.ts';
import { eventually } from '../waiting.ts';

const MANY = 1_000;

export const reading: PromiseGroup = {
  title: 'discover and listServices',
  promises: [
    {
      title: 'a service that nobody registered is an empty list',
      async test(trial) {
        const client = await trial.client();
        const { instances, skipped } = await client.discover(trial.service());
        assert.deepEqual({ instances, skipped }, { instances: [], skipped: [] });
      },
    },
    {
      title: 'a service whose name begins with that of another is apart',
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const user = trial.service('user');
        const keys = [
          user,
          { ...user, service: `${user.service}-service` },
          { ...user, service: `${user.service}s` },
        ];
        if (trial.setting.capabilities.anyName) {
          keys.push({ ...user, service: `${user.service}/x` }, { ...user, service: `${user.service}/` });
        }
        const all = keys.map((key, i) => ({ key, instance: trial.instance(key, `id-${i}`) }));
        await writer.registerAll(all.map(({ instance }) => instance));
        for (const { key, instance } of all) await reader.sees(key, [instance]);
      },
    },
    {
      title: 'the same service in two namespaces is two services',
      needs: [namespaces],
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const inDefault = trial.service();
        const here = { ...inDefault, namespace: trial.namespace() };
        const there = { ...inDefault, namespace: trial.namespace() };
        const [one, two] = [trial.instance(here, 'one'), trial.instance(there, 'two')];
        await writer.register(one);
        await writer.register(two);
        await reader.sees(here, [one]);
        await reader.sees(there, [two]);
        await reader.sees(inDefault, []);
        await writer.deregister({ ...here, id: 'two' });
        await reader.sees(there, [two]);
      },
    },
    {
      title: 'an entry that cannot be read is skipped and reported, the others are listed',
      needs: [power('plant')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const good = trial.instance(key, 'good');
        await writer.register(good);
        for (const [i, content] of UNREADABLE.entries()) {
          await trial.setting.harness.plant?.({ ...key, id: `bad-${i}` }, content);
        }
        await reader.sees(key, [good]);
        await eventually('each unreadable entry is reported', trial.setting.visibleMs, async () => {
          const { skipped } = await reader.discover(key);
          assert.equal(new Set(skipped.map((entry) => entry.key)).size, UNREADABLE.length);
          for (const { reason } of skipped) assert.ok(reason, 'a skipped entry must have a reason');
        });
      },
    },
    {
      title: 'a service of 1 000 instances is listed whole',
      needs: [firstLayout],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instances = Array.from({ length: MANY }, (_, i) => trial.instance(key, `instance-${i}`));
        await writer.registerAll(instances);
        await reader.sees(key, instances, trial.setting.visibleMs + trial.setting.callMs);
      },
    },
    {
      title: 'what is handed out is frozen',
      needs: [firstLayout],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one', {
          tags: ['a'],
          metadata: { a: '1' },
          endpoints: ['http://127.0.0.1:1/'],
        });
        await writer.register(instance);
        await reader.sees(key, [instance]);
        const { instances } = await reader.discover(key);
        if (reader.adapter.watch) {
          const follower = reader.follow(key);
          await follower.started(trial.setting.visibleMs);
          const event = follower.events[0];
          if (event?.kind === 'list') assertFrozen(event.instances);
        }
        assertFrozen(instances);
      },
    },
    {
      title: 'listServices lists each service that has an entry once, and no other',
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const namespace = ownNamespace(trial);
        const [users, orders] = [trial.service('users', namespace), trial.service('orders', namespace)];
        await writer.registerAll([
          trial.instance(users, 'a'),
          trial.instance(users, 'b'),
          trial.instance(orders, 'a'),
        ]);
        const lists = (expected: readonly string[]) =>
          eventually('listServices', trial.setting.visibleMs, async () =>
            assert.deepEqual(own(trial, await reader.listServices(namespace)), expected.toSorted()),
          );
        await lists([users.service, orders.service]);
        await reader.discover(trial.service('looked-at', namespace));
        await lists([users.service, orders.service]);
        await writer.deregister({ ...users, id: 'a' });
        await writer.deregister({ ...orders, id: 'a' });
        await lists([users.service]);
      },
    },
    {
      title: 'listServices of two namespaces are apart',
      needs: [namespaces],
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [here, there] = [trial.namespace(), trial.namespace()];
        // One namespace's name begins with the other's.
        const beside = `${here}-2`;
        const keys = [here, there, beside].map((namespace) => trial.service('service', namespace));
        await writer.registerAll(keys.map((key) => trial.instance(key, 'one')));
        for (const { namespace, service } of keys) {
          await eventually(`listServices of ${namespace}`, trial.setting.visibleMs, async () =>
            assert.deepEqual(await reader.listServices(namespace), [service]),
          );
        }
        assert.deepEqual(await reader.listServices(trial.namespace()), []);
      },
    },
    {
      title: 'watchServices begins with the full list and tells each service that comes or goes',
      needs: [watchingServices],
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const namespace = ownNamespace(trial);
        const [users, orders] = [trial.service('users', namespace), trial.service('orders', namespace)];
        await writer.register(trial.instance(users, 'a'));
        await eventually('listServices', trial.setting.visibleMs, async () =>
          assert.deepEqual(own(trial, await reader.listServices(namespace)), [users.service]),
        );
        const stop = new AbortController();
        const lists: string[][] = [];
        const items = reader.adapter.watchServices?.(namespace, { signal: stop.signal }) ?? assert.fail();
        const reads = (async () => {
          for await (const names of items) lists.push(own(trial, names));
        })().catch((error: unknown) => error);
        const tells = (expected: readonly string[]) =>
          eventually('watchServices', trial.setting.visibleMs, () =>
            assert.deepEqual(lists.at(-1), expected.toSorted()),
          );
        await tells([users.service]);
        assert.deepEqual(lists[0], [users.service], 'the first item must be the full list');
        await writer.register(trial.instance(orders, 'a'));
        await tells([users.service, orders.service]);
        await writer.deregister({ ...users, id: 'a' });
        await tells([orders.service]);
        stop.abort();
        await reads;
      },
    },
  ],
};

function assertFrozen(instances: readonly object[]): void {
  assert.ok(instances.length > 0);
  for (const instance of instances) {
    assert.ok(Object.isFrozen(instance), 'an instance must be frozen: make it with defineInstance');
    for (const [field, value] of Object.entries(instance)) {
      assert.ok(Object.isFrozen(value), `${field} of an instance must be frozen`);
    }
  }
}

/** A namespace of the trial's own, where the registry has such. */
function ownNamespace(trial: Trial): string {
  return trial.setting.capabilities.namespaces ? trial.namespace() : 'default';
}

/** Sorted; without the services of others, where the namespace is shared with them. */
function own(trial: Trial, names: readonly string[]): string[] {
  const shared = !trial.setting.capabilities.namespaces;
  return names.filter((name) => !shared || name.startsWith(trial.mark)).toSorted();
}
