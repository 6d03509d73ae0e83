import assert from 'node:assert/strict';
import { assertSameInstances } from '../comparing.ts';
import { carrying, watching, type PromiseGroup } from '../promise.ts';

const UPDATES = 50;

export const changing: PromiseGroup = {
  title: 'an update in place',
  promises: [
    {
      title: 'no reader sees a gap or half of an update',
      needs: [carrying('metadata', 'weight', 'version')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        await writer.register(trial.numbered(key, 'one', 0));
        await reader.sees(key, [trial.numbered(key, 'one', 0)]);
        const written = new AbortController();
        const write = async () => {
          for (let n = 1; n <= UPDATES; n++) {
            await writer.register(trial.numbered(key, 'one', n));
            await new Promise((resolve) => setImmediate(resolve));
          }
        };
        const read = async () => {
          while (!written.signal.aborted) {
            const { instances } = await reader.discover(key);
            const [instance] = instances;
            assert.ok(
              instance && instances.length === 1,
              `a reader saw ${instances.length} entries instead of 1`,
            );
            const whole = trial.numbered(key, 'one', trial.numberOf(instance));
            assertSameInstances(
              instances,
              [whole],
              trial.setting.capabilities,
              'a reader saw half of an update',
            );
            await new Promise((resolve) => setImmediate(resolve));
          }
        };
        await Promise.all([write().finally(() => written.abort()), read()]);
        await reader.sees(key, [trial.numbered(key, 'one', UPDATES)]);
      },
    },
    {
      title: 'no watcher is told that the entry left',
      needs: [watching, carrying('metadata', 'weight', 'version')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        await writer.register(trial.numbered(key, 'one', 0));
        await reader.sees(key, [trial.numbered(key, 'one', 0)]);
        const follower = reader.follow(key);
        await follower.started(trial.setting.visibleMs);
        for (let n = 1; n <= UPDATES; n++) await writer.register(trial.numbered(key, 'one', n));
        await follower.until('the last update', trial.setting.visibleMs, () =>
          assertSameInstances(
            follower.instances.values(),
            [trial.numbered(key, 'one', UPDATES)],
            trial.setting.capabilities,
          ),
        );
        for (const event of follower.events) {
          const left = event.kind === 'list' ? event.instances.length === 0 : event.removed.length > 0;
          assert.ok(!left, `the entry left for a moment: ${JSON.stringify(event)}`);
        }
      },
    },
    {
      title: 'the new state replaces all of the old one',
      needs: [carrying('metadata', 'tags', 'zone', 'version')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const rich = trial.instance(key, 'one', {
          zone: 'eu-1a',
          version: '1',
          tags: ['a', 'b'],
          metadata: { keep: '1', drop: '1' },
        });
        await writer.register(rich);
        await reader.sees(key, [rich]);
        const poor = trial.instance(key, 'one', { metadata: { keep: '2' } });
        await writer.register(poor);
        await reader.sees(key, [poor]);
      },
    },
  ],
};
