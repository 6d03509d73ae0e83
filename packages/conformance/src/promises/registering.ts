import assert from 'node:assert/strict';
import { firstLayout, type PromiseGroup } from '../promise.ts';
import { throughout } from '../waiting.ts';

export const registering: PromiseGroup = {
  title: 'register and deregister',
  promises: [
    {
      title: 'register is seen by another client within the propagation time',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        await writer.register(instance);
        await reader.sees(key, [instance]);
      },
    },
    {
      title: 'every carried field comes back as it was written',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const full = trial.instance(key, 'full', {
          scheme: 'https',
          status: 'STARTING',
          weight: 2.5,
          version: '1.2.3-rc.1+build.7',
          zone: 'eu-1a',
          tags: ['canary', 'a,b', 'blue team'],
          metadata: { team: 'accounts', since: '2020' },
          endpoints: ['grpc://10.0.0.7:9000', 'http://[2001:db8::1]:8080/path?x=1'],
        });
        const bare = trial.instance(key, 'bare');
        const weightless = trial.instance(key, 'weightless', { weight: 0, status: 'OUT_OF_SERVICE' });
        const named = trial.instance(key, 'named', { host: 'node-7.example.com', status: 'DOWN' });
        const six = trial.instance(key, 'six', { host: '2001:db8::7', status: 'UNKNOWN' });
        const all = [full, bare, weightless, named, six];
        await writer.registerAll(all);
        await reader.sees(key, all);
      },
    },
    {
      title: 'register twice gives one entry',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        await writer.register(instance);
        await reader.sees(key, [instance]);
        await writer.register(instance);
        await writer.register(instance);
        await reader.sees(key, [instance]);
        await writer.deregister(instance);
        await reader.sees(key, []);
      },
    },
    {
      title: 'two services of one process do not disturb each other',
      async test(trial) {
        const [users, orders] = [trial.service('users'), trial.service('orders')];
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [user, order] = [trial.instance(users, 'a'), trial.instance(orders, 'a')];
        await writer.register(user);
        await writer.register(order);
        await reader.sees(users, [user]);
        await reader.sees(orders, [order]);
        await writer.deregister(user);
        await reader.sees(users, []);
        await reader.sees(orders, [order]);
      },
    },
    {
      title: 'two instances of one process are both listed, and one can leave',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [a, b] = [trial.instance(key, 'a'), trial.instance(key, 'b')];
        await writer.register(a);
        await writer.register(b);
        await reader.sees(key, [a, b]);
        await writer.deregister(a);
        await reader.sees(key, [b]);
      },
    },
    {
      title: 'two processes of one service are both listed, and one can leave',
      async test(trial) {
        const key = trial.service();
        const [left, right] = [await trial.client(), await trial.client()];
        const [a, b] = [trial.instance(key, 'a'), trial.instance(key, 'b')];
        await left.register(a);
        await right.register(b);
        await left.sees(key, [a, b]);
        await right.sees(key, [a, b]);
        await left.deregister(a);
        await right.sees(key, [b]);
      },
    },
    {
      title: 'deregister takes the entry out at once, and no beat of a sibling brings it back',
      needs: [firstLayout],
      async test(trial) {
        const [key, other] = [trial.service(), trial.service('other')];
        const { ttlMs } = trial.setting;
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [leaver, sibling] = [trial.instance(key, 'leaver'), trial.instance(key, 'sibling')];
        const elsewhere = trial.instance(other, 'elsewhere');
        await writer.register(leaver, ttlMs);
        await writer.register(sibling, ttlMs);
        await writer.register(elsewhere, ttlMs);
        await reader.sees(key, [leaver, sibling]);
        await writer.deregister(leaver);
        await reader.sees(key, [sibling]);
        await throughout(ttlMs, async () => {
          const { instances } = await reader.discover(key);
          assert.deepEqual(
            instances.map(({ id }) => id),
            ['sibling'],
          );
        });
      },
    },
    {
      title: 'deregister takes out the entry of that id alone',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const ids = ['7', '70', '07', '7-7'];
        const instances = ids.map((id) => trial.instance(key, id));
        await writer.registerAll(instances);
        await reader.sees(key, instances);
        await writer.deregister({ ...key, id: '7' });
        await reader.sees(key, instances.slice(1));
      },
    },
    {
      title: 'deregister of an entry that is not there resolves',
      async test(trial) {
        const key = trial.service();
        const client = await trial.client();
        await client.deregister({ ...key, id: 'never-there' });
        const instance = trial.instance(key, 'one');
        await client.register(instance);
        await client.deregister(instance);
        await client.deregister(instance);
        await client.sees(key, []);
      },
    },
    {
      title: 'register after deregister lists it again',
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        await writer.register(instance);
        await writer.deregister(instance);
        await writer.register(instance);
        await reader.sees(key, [instance]);
      },
    },
    {
      title: 'the granted TTL is within the stated range',
      async test(trial) {
        const key = trial.service();
        const { min, max } = trial.setting.capabilities.ttlRangeMs;
        const asked = [
          ...(min > 1 ? [Math.floor(min / 2)] : []),
          Math.ceil(min),
          ...(max < 10 * 365 * 86_400_000 ? [max, max + 60_000] : []),
        ];
        for (const ttlMs of asked) {
          const client = await trial.client();
          const lease = await client.register(trial.instance(key, 'one'), ttlMs);
          assert.ok(
            lease.ttlMs >= min && lease.ttlMs <= max,
            `asked for ${ttlMs} ms, granted ${lease.ttlMs} ms, out of ${min} to ${max}`,
          );
          await client.crash();
        }
      },
    },
  ],
};
