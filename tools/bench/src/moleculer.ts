import { createRequire } from 'node:module';
import { do_not_optimize } from 'mitata';
import { prepare, prepared, type Prepared } from '../../registries/src/cache.ts';
import { npmPackage } from '../../registries/src/recipes/npm-package.ts';

/** 0.15 needs Node 22. In the workspace 0.14 would hold protobufjs back at 7. */
const VERSION = '0.14.35';
const PROGRAM = 'moleculer.cjs';

const moleculer: Prepared = {
  type: 'peer-moleculer',
  version: VERSION,
  programs: [PROGRAM],
  recipes: [npmPackage({ packages: [`moleculer@${VERSION}`], program: PROGRAM, name: 'moleculer' })],
};

/** moleculer's names for ways to choose that we have too. */
export type MoleculerStrategy = 'RoundRobin' | 'Random' | 'Shard';

interface Moleculer {
  readonly ServiceBroker: new (options: object) => {
    readonly registry: object;
    readonly localBus: object;
  };
  readonly Strategies: Readonly<
    Record<
      MoleculerStrategy,
      new (
        registry: object,
        broker: object,
        options: object,
      ) => { select(list: readonly object[], context: object): unknown }
    >
  >;
}

/** Installs it, once for all rounds. */
export async function prepareMoleculer(progress: (line: string) => void): Promise<void> {
  await prepare(moleculer, { progress });
}

/** One choice by a strategy of moleculer's, among so many endpoints that do nothing; by turns for each of the keys. */
export function moleculerChoice(
  strategy: MoleculerStrategy,
  count: number,
  keys: readonly string[],
): () => void {
  const path = prepared(moleculer)?.path(PROGRAM);
  if (path === undefined) throw new Error('moleculer is not prepared: run the bench as a whole');
  const { ServiceBroker, Strategies } = createRequire(path)(path) as Moleculer;
  const broker = new ServiceBroker({ logger: false, metrics: false });
  const chooser = new Strategies[strategy](broker.registry, broker, { shardKey: 'key' });
  const endpoints = Array.from({ length: count }, (_, i) => ({ id: `i${i}`, node: { id: `i${i}` } }));
  const contexts = keys.map((key) => ({ params: { key }, meta: {} }));
  let at = 0;
  return () => {
    at = (at + 1) % contexts.length;
    do_not_optimize(chooser.select(endpoints, contexts[at] ?? {}));
  };
}
