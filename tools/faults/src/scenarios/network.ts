import type { Scenario } from '../scenario.ts';
import { SETTLE_WITHIN_MS } from '../stage.ts';

export const blackHoled: Scenario = {
  name: 'black-hole',
  fault: 'the network swallows everything for 18 s: no answer, no close',
  bound: ['reconnect', 'request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a', proxied: true });
    stage.join('reader', {
      proxied: true,
      reads: { keeps: ['a'], during: 'cut', because: ['UNAVAILABLE', 'DEADLINE_EXCEEDED'] },
    });
    const leaver = stage.join('leaver', { reads: true, proxied: true });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.proxy.blackhole(),
      during: () => leaver.close(),
      lastsMs: 18_000,
      end: () => stage.proxy.restore(),
    });
    await stage.healed(['a']);
  },
};

export const compactedWhileCut: Scenario = {
  name: 'reader-cut',
  fault: 'a reader is cut off; meanwhile one leaves, one joins, and etcd’s history is compacted',
  // Who left meanwhile may be held, as after an outage not everybody is back at once.
  bound: ['reconnect', 'request', 'backoff', 'hold', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    const leaver = stage.join('leaver', { registers: 'b' });
    stage.join('reader', { proxied: true, reads: { keeps: ['a'], during: 'cut', because: ['UNAVAILABLE'] } });
    await stage.settled(['a', 'b']);
    await stage.fault({
      begin: () => stage.proxy.cut(),
      async during() {
        await leaver.deregister(10_000);
        await leaver.close();
        const joiner = stage.join('joiner', { registers: 'c' });
        await joiner.until(
          'registered',
          SETTLE_WITHIN_MS,
          () => joiner.latest?.registration === 'registered' || undefined,
        );
        // Where there is a history to resume from.
        await stage.registry.operator.forgetHistory?.();
      },
      lastsMs: 2_000,
      end: () => stage.proxy.restore(),
    });
    await stage.healed(['a', 'c']);
  },
};
