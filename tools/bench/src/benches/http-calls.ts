import { BalancedPool, fetch as undiciFetch, Pool, request } from 'undici';
import { row, type Bench } from '../bench.ts';
import {
  CONCURRENCY,
  many,
  ourCaller,
  type RunningServer,
  startServer,
  type TestedCaller,
} from '../calling.ts';
import { median } from '../statistics.ts';

/** Who makes the calls: we or undici, by which function, to how many servers. */
export interface Caller {
  readonly by: 'rollcall' | 'undici';
  readonly function: 'fetch' | 'request';
  readonly servers: 1 | 3;
}

export interface CallsInput extends Caller {
  readonly calls: number;
  readonly warmUp: number;
}

export const httpCalls: Bench = {
  name: 'http-calls',
  title: 'Calling over HTTP',
  async run({ quick, progress, fresh }) {
    const rounds = quick ? 1 : 5;
    // About three seconds of each.
    const sizes = {
      fetch: quick ? { calls: 500, warmUp: 100 } : { calls: 15_000, warmUp: 5_000 },
      request: quick ? { calls: 500, warmUp: 100 } : { calls: 45_000, warmUp: 10_000 },
    };
    const pairs = [
      { what: 'fetch, one server', peer: 'undici fetch over its Pool', function: 'fetch', servers: 1 },
      { what: 'request, one server', peer: 'undici request over its Pool', function: 'request', servers: 1 },
      {
        what: 'request, three servers',
        peer: 'undici request over its BalancedPool',
        function: 'request',
        servers: 3,
      },
    ] as const;
    const figures = pairs.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
    /* oxlint-disable no-await-in-loop -- one at a time: they share the machine */
    for (let round = 1; round <= rounds; round++) {
      progress(`calling, round ${round} of ${rounds}`);
      for (const [i, { function: how, servers }] of pairs.entries()) {
        const measure = (by: Caller['by']) =>
          fresh<number>(import.meta.url, 'callsPerSecond', { by, function: how, servers, ...sizes[how] });
        figures[i]?.ours.push(await measure('rollcall'));
        figures[i]?.theirs.push(await measure('undici'));
      }
    }
    /* oxlint-enable no-await-in-loop */
    return {
      rows: pairs.map(({ what, peer }, i) => {
        const [ours, theirs] = [median(figures[i]?.ours ?? []), median(figures[i]?.theirs ?? [])];
        return row({
          what,
          unit: 'calls/s',
          ours,
          peer: { name: peer, figure: theirs },
          target: { text: 'at least 90 %', met: ours >= 0.9 * theirs },
        });
      }),
      notes: [
        `Each with ${CONCURRENCY} calls under way, to servers of Node's own that answer “hello”, each a process; retries, ejection and a timeout of 30 s are on, as by default.`,
        'Median of rounds that take turns, each in a process of its own.',
      ],
    };
  },
};

/** How many calls a second this process makes. */
export async function callsPerSecond({
  by,
  function: how,
  servers,
  calls,
  warmUp,
}: CallsInput): Promise<number> {
  const running = await Promise.all(Array.from({ length: servers }, startServer));
  const caller = by === 'rollcall' ? await ourCaller(running) : theirCaller(running);
  const { dispatcher, url } = caller;
  const call =
    how === 'fetch'
      ? async () => void (await (await caller.fetch(url)).text())
      : async () => void (await (await request(url, { dispatcher })).body.text());
  await many(warmUp, call);
  const begun = performance.now();
  await many(calls, call);
  const tookMs = performance.now() - begun;
  await caller.close();
  for (const server of running) server.stop();
  return (calls * 1_000) / tookMs;
}

function theirCaller(servers: readonly RunningServer[]): TestedCaller {
  const origins = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  const [first = ''] = origins;
  const dispatcher = origins.length === 1 ? new Pool(first) : new BalancedPool(origins);
  const url = `${first}/`;
  return {
    url,
    dispatcher,
    fetch: (each) => undiciFetch(each, { dispatcher }),
    close: () => dispatcher.close(),
  };
}
