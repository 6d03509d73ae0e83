import type { Scenario } from '../scenario.ts';

/**
 * Apart from a registry that restarts empty: there nobody is listed anywhere, and all come back. Here all are listed
 * and well, and the reader alone is given a list that is empty, by a server that answers as if all were in order.
 */
export const emptyAnswer: Scenario = {
  name: 'empty-answer',
  fault: 'a reader is led to another, empty registry for 5 s, while all instances live',
  bound: ['reconnect', 'request', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    const reader = stage.join('reader', { proxied: true, reads: { keeps: ['a', 'b'], during: 'either' } });
    const twin = await stage.startTwin();
    await stage.settled(['a', 'b']);
    const { reconnectMs, seenMs } = stage.kind;
    const { requestTimeoutMs, backoff, allowanceMs } = stage.settings;
    await stage.fault({
      begin: () => stage.proxy.leadTo(twin.port),
      async during() {
        // Else nothing would be shown: the empty answer must have come.
        const withinMs = reconnectMs + requestTimeoutMs + backoff.capMs + seenMs + allowanceMs;
        const isHeld = () => reader.latest?.list?.source === 'held' || undefined;
        await reader.until('the empty list to be doubted', withinMs, isHeld);
      },
      lastsMs: 5_000,
      end: () => stage.proxy.leadTo(stage.registry.port),
    });
    await stage.healed(['a', 'b']);
  },
};
