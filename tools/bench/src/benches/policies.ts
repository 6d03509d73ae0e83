import type { BalancerOptions, PolicyName } from '@rollcall/balancer';
import { row, type Bench, type Row } from '../bench.ts';
import { percentilePlot } from '../percentile-plot.ts';
import { simulate, type SimulatedCall, type SimulatedServer } from '../simulation.ts';

const COMPARED = [
  'round-robin',
  'random',
  'least-active',
  'p2c-ewma',
] as const satisfies readonly PolicyName[];

const SERVERS = 10;
const HEALTHY_MS = 10;
const SECOND_MS = 1_000;
/** When the bad server of the second part falls ill, and when it is well again, in milliseconds. */
const ILL = { from: 20 * SECOND_MS, to: 80 * SECOND_MS };

const healthy: SimulatedServer = { meanMs: () => HEALTHY_MS, failing: () => 0 };

export const policies: Bench = {
  name: 'policies',
  title: 'Policies, where one of ten is slow or fails',
  run({ quick, progress }) {
    progress('one of ten takes ten times as long');
    const calls = quick ? 5_000 : 200_000;
    const slow: SimulatedServer = { ...healthy, meanMs: () => 10 * HEALTHY_MS };
    const latencies = new Map(
      COMPARED.map((policy) => [policy, latenciesOf(play({ policy, ejection: false }, slow, calls, 0))]),
    );
    const at = (policy: (typeof COMPARED)[number], part: number) =>
      percentile(latencies.get(policy) ?? [], part);
    progress('one of ten fails half of its calls');
    const ill: SimulatedServer = {
      ...healthy,
      failing: (now) => (now >= ILL.from && now < ILL.to ? 0.5 : 0),
    };
    // Two minutes after the illness must be in it, so it isn't shorter when that is all the same.
    const ejecting = play({ policy: 'p2c-ewma' }, ill, 200_000, 2);
    return Promise.resolve({
      rows: [
        ...COMPARED.map((policy) => slowRow(policy, at(policy, 0.99), at('round-robin', 0.99))),
        ...illRows(ejecting),
      ],
      notes: [
        `Simulated time and servers, our balancers: ${SERVERS} servers with eight workers each, five callers, 600 calls in a second; a call takes ${HEALTHY_MS} ms on average, exponentially distributed.`,
        'In the second part a call that failed is tried up to twice more, each time on another instance; ejection has its defaults.',
      ],
      plots: [
        {
          file: 'policies.svg',
          svg: percentilePlot({
            title: 'Latency where one of ten instances is ten times slower',
            unit: 'ms',
            lines: Array.from(latencies, ([name, sorted]) => ({
              name,
              at: (part: number) => percentile(sorted, part),
            })),
          }),
        },
      ],
    });
  },
};

function play(
  balancer: BalancerOptions,
  bad: SimulatedServer,
  calls: number,
  retries: number,
): readonly SimulatedCall[] {
  const servers = [bad, ...Array.from({ length: SERVERS - 1 }, () => healthy)];
  return simulate({ balancer, servers, workers: 8, callers: 5, callsPerSecond: 600, calls, retries });
}

function slowRow(policy: PolicyName, p99: number, roundRobin: number): Row {
  return row({
    what: `one 10× slower: 99th percentile by ${policy}`,
    unit: 'ms',
    ours: p99,
    ...(policy !== 'round-robin' && { peer: { name: 'round-robin', figure: roundRobin } }),
    ...(policy === 'p2c-ewma' && { target: { text: 'at most a quarter', met: p99 <= roundRobin / 4 } }),
  });
}

function illRows(calls: readonly SimulatedCall[]): readonly Row[] {
  const inIllness = calls.filter(({ startedAt }) => startedAt >= ILL.from && startedAt < ILL.to);
  const failed = (inIllness.filter(({ isFailed }) => isFailed).length / inIllness.length) * 100;
  const share = (from: number, to: number) => {
    const then = calls.filter(({ startedAt }) => startedAt >= from && startedAt < to);
    return (then.filter(({ tried }) => tried[0] === 0).length / then.length) * 100;
  };
  return [
    row({
      what: 'one fails half: calls that fail to their caller',
      unit: '%',
      ours: failed,
      target: { text: 'below 0.1', met: failed < 0.1 },
    }),
    row({ what: 'its share of the calls before', unit: '%', ours: share(0, ILL.from) }),
    row({
      what: 'its share from the sixth second of its illness on',
      unit: '%',
      ours: share(ILL.from + 5 * SECOND_MS, ILL.to),
      target: { text: 'below 2', met: share(ILL.from + 5 * SECOND_MS, ILL.to) < 2 },
    }),
    row({
      what: 'its share when it has been well for two minutes',
      unit: '%',
      ours: share(ILL.to + 120 * SECOND_MS, ILL.to + 240 * SECOND_MS),
      target: {
        text: 'above 5',
        met: share(ILL.to + 120 * SECOND_MS, ILL.to + 240 * SECOND_MS) > 5,
      },
    }),
  ];
}

function latenciesOf(calls: readonly SimulatedCall[]): readonly number[] {
  return calls.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
}

/** The least latency that so many have at most; `part` of 1. */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}
