import { Balancer, type BalancerOptions, POLICIES, type PolicyName } from '@rollcall/balancer';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { do_not_optimize, measure } from 'mitata';
import { row, type Bench, type Row } from '../bench.ts';
import { bytesPerCall } from '../bytes-per-call.ts';
import { grpcRoundRobin } from '../grpc-round-robin.ts';
import { type MoleculerStrategy, moleculerChoice, prepareMoleculer } from '../moleculer.ts';
import { median } from '../statistics.ts';

const FEW = 10;
const SOME = 100;
const MANY = 10_000;

/** More bytes for one pick than this are an allocation; less is what measuring itself leaves behind. */
const NO_ALLOCATION_BYTES = 1;

/** They look at the list by halves, so a longer list costs more, by its logarithm. */
const LOGARITHMIC: ReadonlySet<PolicyName> = new Set([
  'weighted-round-robin',
  'least-active',
  'consistent-hash',
]);

const LOOKS_AT_TWO: ReadonlySet<PolicyName> = new Set(['p2c-ewma', 'sticky']);

/** Policies that moleculer has too, and its names for them. */
const CHOICES = [
  { policy: 'round-robin', strategy: 'RoundRobin' },
  { policy: 'random', strategy: 'Random' },
  { policy: 'consistent-hash', strategy: 'Shard' },
] as const satisfies readonly { readonly policy: PolicyName; readonly strategy: MoleculerStrategy }[];

/** Fewer than moleculer remembers. */
const KEYS = Array.from({ length: 512 }, (_, i) => `user ${i}`);

/** What is timed, each in processes of its own: in one, the compiler would see all policies in the same place. */
export type PickCase =
  | { readonly what: 'grpc' }
  | { readonly what: 'clock' }
  /** A policy that says who is next, and counts nothing. */
  | { readonly what: 'choice'; readonly policy: PolicyName }
  | { readonly what: 'moleculer'; readonly strategy: MoleculerStrategy }
  /** Any element of a plain array of as many objects: what memory takes, which has its caches. */
  | { readonly what: 'array'; readonly count: number }
  | { readonly what: PolicyName; readonly count: number };

export interface PickInput {
  readonly case: PickCase;
  readonly cpuNs: number;
  /** Calls whose bytes are counted. */
  readonly calls: number;
}

export interface PickCost {
  readonly ns: number;
  readonly bytes: number;
}

export const picks: Bench = {
  name: 'picks',
  title: 'Picking an instance',
  async run({ quick, progress, fresh }) {
    const rounds = quick ? 1 : 5;
    const settings = quick ? { cpuNs: 1e6, calls: 100_000 } : { cpuNs: 300e6, calls: 2_000_000 };
    const sizes = quick ? [SOME] : [FEW, SOME, MANY];
    const cases: readonly PickCase[] = [
      { what: 'grpc' },
      { what: 'clock' },
      ...CHOICES.flatMap(({ policy, strategy }) => [
        { what: 'choice' as const, policy },
        { what: 'moleculer' as const, strategy },
      ]),
      ...(quick ? [] : [FEW, MANY]).map((count) => ({ what: 'array' as const, count })),
      ...POLICIES.flatMap((what) => sizes.map((count) => ({ what, count }))),
    ];
    await prepareMoleculer(progress);
    const costs = new Map<string, PickCost[]>();
    for (let round = 1; round <= rounds; round++) {
      progress(`timing picks, round ${round} of ${rounds}`);
      for (const each of cases) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time: they share the machine
        const cost = await fresh<PickCost>(import.meta.url, 'costOfPick', { case: each, ...settings });
        const name = nameOf(each);
        costs.set(name, [...(costs.get(name) ?? []), cost]);
      }
    }
    const of = (name: PickCase) => {
      const all = costs.get(nameOf(name)) ?? [];
      return { ns: median(all.map(({ ns }) => ns)), bytes: median(all.map(({ bytes }) => bytes)) };
    };
    const at = (what: PolicyName, count: number) => of({ what, count });
    const choice = (policy: PolicyName) => of({ what: 'choice', policy }).ns;
    const roundRobin = at('round-robin', SOME).ns;
    const grpc = of({ what: 'grpc' }).ns;
    const clock = of({ what: 'clock' });
    const budget = 2 * roundRobin + 2 * clock.ns;
    const rows: Row[] = [
      row({
        what: `round-robin, ${SOME} instances, the choice alone`,
        unit: 'ns',
        ours: choice('round-robin'),
        peer: { name: 'round_robin of grpc-js', figure: grpc },
        target: { text: 'no slower', met: choice('round-robin') <= grpc },
      }),
      ...CHOICES.map(({ policy, strategy }) =>
        row({
          what: `${policy}, ${SOME} instances, the choice alone`,
          unit: 'ns',
          ours: choice(policy),
          peer: {
            name: `moleculer’s strategy ${strategy}`,
            figure: of({ what: 'moleculer', strategy }).ns,
          },
        }),
      ),
      row({
        what: `round-robin, ${SOME} instances, with the end of its call`,
        unit: 'ns',
        ours: roundRobin,
        peer: { name: 'round_robin of grpc-js, which counts no calls', figure: grpc },
      }),
      ...(['weighted-round-robin', 'p2c-ewma'] as const).map((policy) => {
        const { ns } = at(policy, SOME);
        return row({
          what: `${policy}, ${SOME} instances`,
          unit: 'ns',
          ours: ns,
          peer: { name: '2 × round-robin + 2 looks at the clock', figure: budget },
          target: { text: 'at most that', met: ns <= budget },
        });
      }),
      ...(quick ? [] : POLICIES).map((policy) => {
        const [few, many] = [at(policy, FEW).ns, at(policy, MANY).ns];
        // Ten thousand have 13 halves where ten have 3.
        const most = LOGARITHMIC.has(policy) ? 4 : 1;
        // What is known of one of ten thousand isn't in the nearest cache: where it stands, itself, and its calls.
        const looks = 4 * (LOOKS_AT_TWO.has(policy) ? 2 : 1);
        const memory = looks * (of({ what: 'array', count: MANY }).ns - of({ what: 'array', count: FEW }).ns);
        return row({
          what: `${policy}, ${MANY.toLocaleString('en')} instances`,
          unit: 'ns',
          ours: many,
          peer: {
            name: `${most === 1 ? '' : `${most} × `}the same with ${FEW}, and ${looks} × what an array takes longer`,
            figure: most * few + memory,
          },
          target: { text: 'at most that', met: many <= most * few + memory },
        });
      }),
      ...POLICIES.map((policy) => {
        const { bytes } = at(policy, SOME);
        return row({
          what: `allocated for a pick by ${policy}`,
          unit: 'bytes',
          ours: bytes,
          target: { text: 'none but the clock’s', met: bytes < NO_ALLOCATION_BYTES + 2 * clock.bytes },
        });
      }),
      exactness(),
      ...ring(quick ? 20_000 : 200_000),
    ];
    return {
      rows,
      notes: [
        'But for the choice alone (`choose`), ours is a `pick` and the word that its call succeeded, by which calls under way are counted; the peer, the picker of `@grpc/grpc-js` over subchannels that do nothing, only chooses.',
        'moleculer 0.14.35: Shard remembers the last thousand keys and whom they belong to, and doesn’t look at what instances have to do.',
        'Without ejection, which looks at the clock once more for each call.',
        'Median of the medians of rounds that take turns, each in a process of its own.',
      ],
    };
  },
};

/** One policy, in the process that it has for itself. */
export async function costOfPick({ case: given, cpuNs, calls }: PickInput): Promise<PickCost> {
  const call =
    given.what === 'grpc'
      ? grpcRoundRobin(SOME)
      : given.what === 'clock'
        ? () => do_not_optimize(performance.now())
        : given.what === 'choice'
          ? choosing(given.policy)
          : given.what === 'moleculer'
            ? moleculerChoice(given.strategy, SOME, KEYS)
            : given.what === 'array'
              ? reading(given.count)
              : picking(given.what, given.count);
  // Compiled first: where the first call takes long, mitata times each call by itself, and the look at the clock with it.
  for (let i = 0; i < 10_000; i++) call();
  const { p50 } = await measure(call, { min_cpu_time: cpuNs });
  return { ns: p50, bytes: bytesPerCall(call, calls) };
}

function nameOf(given: PickCase): string {
  return JSON.stringify(given);
}

function picking(policy: PolicyName, count: number): () => void {
  const balancer = balancerOf(policy, count);
  const requests = KEYS.map((key) => ({ key }));
  let at = 0;
  return () => {
    const pick = balancer.pick(requests[(at = (at + 1) & 511)]);
    do_not_optimize(pick?.instance);
    pick?.done();
  };
}

function choosing(policy: PolicyName): () => void {
  const balancer = balancerOf(policy, SOME);
  // As a caller does who has no key.
  if (policy !== 'consistent-hash') return () => do_not_optimize(balancer.choose());
  const requests = KEYS.map((key) => ({ key }));
  let at = 0;
  return () => do_not_optimize(balancer.choose(requests[(at = (at + 1) & 511)]));
}

/** One instance after the other, in an order that no cache foresees, and each only when the one before has been read. */
function reading(count: number): () => void {
  const all = instances(count).map((instance) => ({ instance, next: 0 }));
  // A step that shares no factor with any count here, so that all are read in turn.
  for (const [i, node] of all.entries()) node.next = (i + 7_919) % count;
  let at = 0;
  return () => {
    const node = all[at];
    if (node) at = node.next + (node.instance.port > 0 ? 0 : 1);
  };
}

function balancerOf(policy: BalancerOptions['policy'], count: number, left?: number): Balancer {
  const balancer = new Balancer({ ...(policy && { policy }), ejection: false });
  balancer.update(instances(count).filter((_, i) => i !== left));
  return balancer;
}

function instances(count: number): readonly ServiceInstance[] {
  return Array.from({ length: count }, (_, i) =>
    defineInstance({
      service: 'user-service',
      id: `i${i}`,
      host: '10.0.0.7',
      port: 1 + i,
      weight: 1 + (i % 5),
    }),
  );
}

/** How far from its share any instance ever is. */
function exactness(): Row {
  const balancer = balancerOf('weighted-round-robin', SOME);
  const list = instances(SOME);
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  const counts = new Map<string, number>();
  let most = 0;
  for (let n = 1; n <= 3_000; n++) {
    const pick = balancer.pick();
    const id = pick?.instance.id ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
    pick?.done();
    for (const { id: each, weight } of list)
      most = Math.max(most, Math.abs((counts.get(each) ?? 0) - (n * weight) / total));
  }
  return row({
    what: `weighted-round-robin: the most that one of ${SOME} is ever off its share`,
    unit: 'calls',
    ours: most,
    target: { text: 'below 1', met: most < 1 },
  });
}

function ring(keys: number): readonly Row[] {
  const [whole, without] = [balancerOf('consistent-hash', SOME), balancerOf('consistent-hash', SOME, 7)];
  const loads = new Map<string, number>();
  let moved = 0;
  let strays = 0;
  for (let i = 0; i < keys; i++) {
    const [a, b] = [homeOf(whole, i), homeOf(without, i)];
    loads.set(a, (loads.get(a) ?? 0) + 1);
    if (a === b) continue;
    if (a === 'i7') moved++;
    else strays++;
  }
  const list = instances(SOME);
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  const peak = Math.max(...list.map(({ id, weight }) => ((loads.get(id) ?? 0) / keys / weight) * total));
  const share = (list[7]?.weight ?? 0) / total;
  return [
    row({
      what: `consistent-hash: keys that move when one of ${SOME} leaves`,
      unit: '%',
      ours: ((moved + strays) / keys) * 100,
      peer: { name: 'its share', figure: share * 100 },
      target: { text: 'at most 1.5×', met: (moved + strays) / keys <= 1.5 * share },
    }),
    row({ what: 'of those, keys of others', unit: '%', ours: (strays / keys) * 100 }),
    row({
      what: `consistent-hash: the most that one of ${SOME} has, by its weight`,
      unit: 'keys',
      ours: peak,
      peer: { name: 'the mean', figure: 1 },
    }),
  ];
}

function homeOf(balancer: Balancer, i: number): string {
  const pick = balancer.pick({ key: `user ${i}` });
  pick?.done();
  return pick?.instance.id ?? '';
}
