import assert from 'node:assert/strict';
import type { ServiceInstance, ServiceKey } from '@rollcall/core';
import { seededRandom } from '@rollcall/core/testing';
import type { Client } from '../client.ts';
import { assertSameInstances } from '../comparing.ts';
import type { Follower } from '../follower.ts';
import { aCut, carrying, firstLayout, power, watching as watches, type PromiseGroup } from '../promise.ts';
import { ABORT_MS } from '../setting.ts';
import type { Trial } from '../trial.ts';
import { UNREADABLE } from '../unreadable.ts';
import { eventually, settles, throughout } from '../waiting.ts';

const CHANGES = 300;
const CUTS = 3;
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const telling = carrying('metadata', 'weight', 'version');

export const watching: PromiseGroup = {
  title: 'watch',
  promises: [
    {
      title: 'the first item is a full list',
      needs: [watches],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instances = IDS.map((id) => trial.instance(key, id));
        await writer.registerAll(instances);
        await reader.sees(key, instances);
        await firstIsExactly(trial, reader, key, instances);
      },
    },
    {
      title: 'the first item comes also for a service that nobody registered',
      needs: [firstLayout, watches],
      async test(trial) {
        await firstIsExactly(trial, await trial.client(), trial.service(), []);
      },
    },
    {
      title: 'a change is told within the propagation time',
      needs: [watches],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        const one = trial.instance(key, 'one');
        const [two, changed] = [
          trial.instance(key, 'two'),
          trial.instance(key, 'two', { host: '127.0.0.2' }),
        ];
        await writer.register(one);
        await tells(trial, follower, [one]);
        await writer.register(two);
        await tells(trial, follower, [one, two]);
        await writer.register(changed);
        await tells(trial, follower, [one, changed]);
        await writer.deregister(one);
        await tells(trial, follower, [changed]);
        await writer.deregister(changed);
        await tells(trial, follower, []);
      },
    },
    {
      title: 'every change is told, in order',
      needs: [firstLayout, watches, telling],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        const final = await change(trial, writer, key, 0);
        await tells(trial, follower, final);
        assertInOrder(trial, follower);
        await reader.sees(key, final);
      },
    },
    {
      title: 'each change that is waited for is told',
      needs: [firstLayout, watches, telling],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        for (let n = 1; n <= 8; n++) {
          const instance = trial.numbered(key, n % 2 === 0 ? 'even' : 'odd', n);
          await writer.register(instance);
          await follower.until(`change ${n}`, trial.setting.visibleMs, () =>
            assert.equal(numberIn(trial, follower, instance.id), n),
          );
        }
      },
    },
    {
      title: 'a delta never names an id as put and removed',
      needs: [firstLayout, watches, telling],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        const resume = follower.pause();
        const final = await change(trial, writer, key, 0);
        resume();
        await tells(trial, follower, final);
        for (const event of follower.events) {
          if (event.kind === 'list') continue;
          const put = event.put.map(({ id }) => id);
          const twice = [...put, ...event.removed].filter((id, i, all) => all.indexOf(id) !== i);
          assert.deepEqual(twice, [], 'an id is named twice in one delta');
        }
      },
    },
    {
      title: 'an entry removed and added again between two looks is listed',
      needs: [firstLayout, watches, telling],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [changed, same] = [trial.numbered(key, 'changed', 1), trial.numbered(key, 'same', 1)];
        await writer.registerAll([changed, same]);
        await reader.sees(key, [changed, same]);
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        const resume = follower.pause();
        await writer.deregister(changed);
        await writer.deregister(same);
        const next = trial.numbered(key, 'changed', 2);
        const marker = trial.numbered(key, 'marker', 3);
        await writer.register(same);
        await writer.register(next);
        await writer.register(marker);
        resume();
        await tells(trial, follower, [next, same, marker]);
        await throughout(Math.min(trial.setting.capabilities.propagationMs, 2_000), () =>
          assertSameInstances(follower.instances.values(), [next, same, marker], trial.setting.capabilities),
        );
      },
    },
    {
      title: 'a watch that is called again begins with what the last one missed',
      needs: [firstLayout, watches],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [gone, stays] = [trial.instance(key, 'gone'), trial.instance(key, 'stays')];
        const comes = trial.instance(key, 'comes');
        await writer.registerAll([gone, stays]);
        await reader.sees(key, [gone, stays]);
        const follower = reader.follow(key);
        await tells(trial, follower, [gone, stays]);
        await follower.stop();
        await writer.deregister(gone);
        await writer.register(comes);
        await reader.sees(key, [stays, comes]);
        await firstIsExactly(trial, reader, key, [stays, comes]);
      },
    },
    {
      title: 'nothing is lost when every connection is cut',
      needs: [firstLayout, watches, aCut, telling],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const follower = reader.follow(key, { restart: true });
        await follower.started(trial.setting.visibleMs);
        for (let round = 0; round < CUTS; round++) {
          await change(trial, writer, key, 2 * round * CHANGES);
          await cut(trial);
          // Few, so that what is lost in the gap isn't made good by what comes after.
          const final = await change(trial, writer, key, (2 * round + 1) * CHANGES, IDS.length);
          if (trial.setting.capabilities.liveness !== 'lease') {
            // The cut took the proof of life, and the entries with it; the core would put them again.
            for (const instance of final) await patiently(trial, () => writer.register(instance));
          }
          await eventually(
            `watch tells what is listed after cut ${round + 1}`,
            2 * trial.setting.visibleMs + trial.setting.callMs,
            () => assertSameInstances(follower.instances.values(), final, trial.setting.capabilities),
          );
          await reader.sees(key, final);
        }
        for (const first of follower.firsts)
          assert.equal(first.kind, 'list', 'each run begins with a full list');
      },
    },
    {
      title: 'an entry that cannot be read is reported, and the watch goes on',
      needs: [watches, power('plant')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [before, after] = [trial.instance(key, 'before'), trial.instance(key, 'after')];
        await writer.register(before);
        const plant = (id: string, i: number) =>
          trial.setting.harness.plant?.({ ...key, id }, UNREADABLE[i] ?? '');
        await plant('bad-0', 0);
        await reader.sees(key, [before]);
        const follower = reader.follow(key);
        await tells(trial, follower, [before]);
        await follower.until('the entry that was there', trial.setting.visibleMs, () =>
          assert.equal(follower.skipped.size, 1),
        );
        await plant('bad-1', 1);
        await follower.until('the entry that came', trial.setting.visibleMs, () =>
          assert.equal(follower.skipped.size, 2),
        );
        await writer.register(after);
        await tells(trial, follower, [before, after]);
      },
    },
    {
      title: 'two watches of one client do not disturb each other',
      needs: [firstLayout, watches],
      async test(trial) {
        const [key, other] = [trial.service(), trial.service('other')];
        const [writer, reader] = [await trial.client(), await trial.client()];
        const [first, second, elsewhere] = [reader.follow(key), reader.follow(key), reader.follow(other)];
        for (const follower of [first, second, elsewhere]) await follower.started(trial.setting.visibleMs);
        const [one, two] = [trial.instance(key, 'one'), trial.instance(key, 'two')];
        await writer.register(one);
        for (const follower of [first, second]) await tells(trial, follower, [one]);
        await first.stop();
        await writer.register(two);
        await tells(trial, second, [one, two]);
        assert.equal(elsewhere.instances.size, 0, 'a watch told an instance of another service');
      },
    },
    {
      title: 'leaving the loop ends the watch',
      needs: [firstLayout, watches],
      async test(trial) {
        const reader = await trial.client();
        const signal = AbortSignal.timeout(trial.setting.callMs);
        const left = (async () => {
          for await (const event of reader.adapter.watch?.(trial.service(), { signal }) ?? []) return event;
          return undefined;
        })();
        assert.ok(await settles('leaving the loop', trial.setting.visibleMs + ABORT_MS, left));
      },
    },
  ],
};

async function firstIsExactly(
  trial: Trial,
  reader: Client,
  key: ServiceKey,
  expected: readonly ServiceInstance[],
): Promise<void> {
  const follower = reader.follow(key);
  await follower.started(trial.setting.visibleMs);
  const [first] = follower.events;
  assert.equal(first?.kind, 'list', 'the first item must be a full list');
  if (first?.kind === 'list') {
    assertSameInstances(
      first.instances,
      expected,
      trial.setting.capabilities,
      'the first item is not the full list',
    );
  }
}

async function tells(trial: Trial, follower: Follower, expected: readonly ServiceInstance[]): Promise<void> {
  await follower.until('what is listed', trial.setting.visibleMs, () =>
    assertSameInstances(follower.instances.values(), expected, trial.setting.capabilities),
  );
}

/** Makes changes, numbered from `from`, and gives the state after the last: an id that it didn't list is gone. */
async function change(
  trial: Trial,
  writer: Client,
  key: ServiceKey,
  from: number,
  count = CHANGES,
): Promise<ServiceInstance[]> {
  const random = seededRandom(from + 1);
  const listed = new Map<string, ServiceInstance>();
  for (let n = from + 1; n <= from + count; n++) {
    const id = IDS[Math.floor(random() * IDS.length)] ?? 'a';
    if (listed.has(id) && random() < 0.3) {
      await patiently(trial, () => writer.deregister({ ...key, id }));
      listed.delete(id);
    } else {
      const instance = trial.numbered(key, id, n);
      await patiently(trial, () => writer.register(instance));
      listed.set(id, instance);
    }
  }
  for (const id of IDS.filter((name) => !listed.has(name))) {
    await patiently(trial, () => writer.deregister({ ...key, id }));
  }
  return [...listed.values()];
}

/** Tries again after a failure that may pass, as the core does; a cut connection fails the call that it carries. */
function patiently<T>(trial: Trial, call: () => Promise<T>): Promise<T> {
  return eventually('a call after the cut', trial.setting.callMs, async () => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Error && 'retryable' in error && error.retryable === true)
        assert.fail(error.message);
      throw error;
    }
  });
}

/** No instance goes back to a state that it had before. */
function assertInOrder(trial: Trial, follower: Follower): void {
  const last = new Map<string, number>();
  for (const event of follower.events) {
    for (const instance of event.kind === 'list' ? event.instances : event.put) {
      const [n, before] = [trial.numberOf(instance), last.get(instance.id) ?? 0];
      assert.ok(n >= before, `${instance.id} went back from its state ${before} to ${n}`);
      last.set(instance.id, n);
    }
  }
}

function numberIn(trial: Trial, follower: Follower, id: string): number | undefined {
  const instance = follower.instances.get(id);
  return instance && trial.numberOf(instance);
}

async function cut(trial: Trial): Promise<void> {
  const { harness } = trial.setting;
  if ('cutConnections' in harness) {
    await harness.cutConnections?.();
  } else {
    await harness.outage?.begin();
    await harness.outage?.end();
  }
}
