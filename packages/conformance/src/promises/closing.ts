import assert from 'node:assert/strict';
import { firstLayout, watching, type PromiseGroup } from '../promise.ts';
import { recordingWhatRuns } from '../running.ts';
import { ABORT_MS } from '../setting.ts';
import { eventually, rejection, settles } from '../waiting.ts';

export const closing: PromiseGroup = {
  title: 'close',
  needs: [firstLayout],
  promises: [
    {
      title: 'it can be called twice, and before open',
      async test(trial) {
        const { callMs } = trial.setting;
        const never = await trial.closedClient();
        await settles('close before open', callMs, never.adapter.close());
        const client = await trial.client();
        await client.register(trial.instance(trial.service(), 'one'), trial.setting.ttlMs);
        await settles('close', callMs, client.adapter.close());
        await settles('close again', callMs, client.adapter.close());
      },
    },
    {
      title: 'it ends a watch that waits',
      needs: [watching],
      async test(trial) {
        const { adapter } = await trial.client();
        const { signal } = new AbortController();
        const watch = adapter.watch?.(trial.service(), { signal })[Symbol.asyncIterator]();
        assert.ok(watch);
        await settles('the first item', trial.setting.visibleMs, watch.next());
        const next = watch.next().catch(() => {});
        await adapter.close();
        await settles('a watch whose adapter was closed', ABORT_MS, next);
      },
    },
    {
      title: 'a call after it rejects with a RegistryError',
      async test(trial) {
        const client = await trial.client();
        await client.close();
        const { adapter } = client;
        const instance = trial.instance(trial.service(), 'one');
        const signal = AbortSignal.timeout(trial.setting.callMs);
        const calls = {
          register: adapter.register(instance, { ttlMs: trial.setting.ttlMs, signal }),
          deregister: adapter.deregister(instance, { signal }),
          ...(adapter.override && { override: adapter.override(instance, { status: 'DOWN' }, { signal }) }),
          discover: adapter.discover(instance, { signal }),
          listServices: adapter.listServices(instance.namespace, { signal }),
        };
        await Promise.all(
          Object.entries(calls).map(([name, call]) => rejection(`${name} after close`, ABORT_MS, call)),
        );
      },
    },
    {
      title: 'it leaves nothing running',
      test: (trial) =>
        recordingWhatRuns(async (running) => {
          const client = await trial.client();
          const key = trial.service();
          const lease = await client.register(trial.instance(key, 'one'), trial.setting.ttlMs);
          await lease.renew?.({ signal: AbortSignal.timeout(trial.setting.callMs) });
          await client.discover(key);
          await client.listServices(key.namespace);
          if ('watch' in client.adapter) await client.follow(key).started(trial.setting.visibleMs);
          await client.close();
          // A registry inside this process may hold a timer until the entry that was left expires.
          await eventually('nothing is left running', trial.setting.goneMs(lease) + ABORT_MS, async () => {
            const left = await running();
            assert.deepEqual(left, [], `close left running: ${left.join(', ')}`);
          });
        }),
    },
  ],
};
