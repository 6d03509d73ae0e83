import type { Result } from './bench.ts';
import { BENCHES } from './catalogue.ts';
import { inFreshProcess } from './fresh-process.ts';

/** Runs one bench in the process that it is called in. */
export async function runBench({
  name,
  quick,
}: {
  readonly name: string;
  readonly quick: boolean;
}): Promise<Result> {
  const bench = BENCHES.find((known) => known.name === name);
  if (!bench) throw new Error(`there is no bench ${name}`);
  return await bench.run({
    quick,
    fresh: inFreshProcess,
    progress: (line) => process.stderr.write(`  ${name}: ${line}\n`),
  });
}
