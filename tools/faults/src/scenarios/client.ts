import { setTimeout as pause } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';
import { SETTLE_WITHIN_MS } from '../stage.ts';

export const clientKilled: Scenario = {
  name: 'client-killed',
  fault: 'a registered process is killed',
  bound: ['TTL', 'crash', 'seen'],
  async run(stage) {
    const victim = stage.join('victim', { registers: 'a' });
    stage.join('registrant', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => victim.crash() });
    await stage.healed(['b']);
  },
};

export const clientFrozen: Scenario = {
  name: 'client-frozen',
  fault: 'a registered process is frozen until its TTL is long over',
  bound: ['beat', 'request', 'backoff', 'seen'],
  async run(stage) {
    const sleeper = stage.join('sleeper', { registers: 'a' });
    stage.join('registrant', { registers: 'b' });
    const reader = stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    const { ttlMs, allowanceMs } = stage.settings;
    await stage.fault({
      begin: () => sleeper.freeze(),
      async during() {
        const goneWithinMs = ttlMs + stage.kind.crashSlackMs + allowanceMs;
        const isGone = () => reader.latest?.list?.ids.includes('a') === false || undefined;
        await reader.until('the frozen process to leave the list', goneWithinMs, isGone);
      },
      lastsMs: 1_000,
      end: () => sleeper.thaw(),
    });
    await stage.healed(['a', 'b']);
  },
};

export const startedDuringOutage: Scenario = {
  name: 'start-while-down',
  fault: 'processes start while the registry is down, one with a list on disk; the registry comes back empty',
  bound: ['reconnect', 'request', 'request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    const before = stage.join('reader before', { reads: true, disk: true });
    await stage.settled(['a']);
    await before.close();
    await stage.fault({
      begin: () => stage.registry.kill(),
      async during() {
        const withDisk = stage.join('reader', {
          disk: true,
          reads: { keeps: ['a'], during: 'cut', because: ['UNAVAILABLE', 'DEADLINE_EXCEEDED'] },
        });
        const without = stage.join('reader without disk', { reads: true });
        stage.join('newcomer', { registers: 'b', service: 'another-service' });
        const refusal = await without.answer('load', SETTLE_WITHIN_MS);
        stage.expect(
          refusal?.code === 'UNAVAILABLE' || refusal?.code === 'DEADLINE_EXCEEDED',
          `without a list on disk, load() is an error of the outage (${refusal?.message ?? 'it resolved'})`,
        );
        const failure = await withDisk.answer('load', SETTLE_WITHIN_MS);
        stage.expect(failure === undefined, `with a list on disk, load() gives it (${failure?.message})`);
        await pause(1_000);
        const read = withDisk.latest?.list;
        stage.expect(read?.source === 'disk', `the list says that it comes from disk (${read?.source})`);
        stage.expect(
          without.readings.every(({ list }) => list === undefined),
          'a reader that never reached the registry has no list, not an empty one',
        );
      },
      end: () => stage.registry.restart({ wipe: true }),
    });
    await stage.healed(['a']);
  },
};
