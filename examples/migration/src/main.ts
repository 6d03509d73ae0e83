import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Backend,
  isRegistryName,
  registryNames,
  startBackend,
} from '@rollcall-examples/main-job/backends';
import { Stage } from '@rollcall-examples/main-job/stage';
import { move } from './move.ts';

const HELP = `Moves a running service from one registry to another, process by process, while it is called.

  npm run migrate                               from zookeeper to nacos
  npm run migrate -- --from consul --to etcd    ${registryNames.join(', ')}
  npm run migrate -- --json                     the counts as one line of JSON at the end, and nothing else
  npm run migrate -- --verbose                  also what the processes log

Exit code: 0 when no call failed, 1 when one did or a step failed, 2 for a mistake in the command line.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { from, to, json, verbose } = options;
  const say = (line: string): void => void (json || process.stdout.write(`${line}\n`));
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-migration-'));
  const stop = new AbortController();
  const onSignal = (signal: string): void => stop.abort(new Error(`ended by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const backends: Backend[] = [];
  let stage: Stage | undefined;
  try {
    for (const name of [from, to]) {
      say(`starting ${name}`);
      // oxlint-disable-next-line no-await-in-loop -- two servers that start at once are slower on a small machine
      const backend = await startBackend(name, join(folder, name), (line) =>
        process.stderr.write(`${name}: ${line}\n`),
      );
      backends.push(backend);
      say(`${name}: ${backend.where}`);
    }
    const [old, next] = backends;
    if (!old || !next) throw new Error('there are no registries');
    stage = new Stage({
      registry: old,
      ttlMs: 5_000,
      callsPerSecond: 25,
      folder,
      signal: stop.signal,
      tell: (event) => {
        if (verbose && event.event === 'log') process.stderr.write(`${event.id}: ${event.line}\n`);
      },
    });
    await move(stage, { from: old, to: next, switchOff: () => old.stop() }, say);
    const { calls, retried, failed } = stage.counts;
    if (json) process.stdout.write(`${JSON.stringify({ from, to, calls, retried, failed })}\n`);
    else say(`${calls} calls, ${retried} retried on another instance, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await stage?.clear();
    await Promise.all(backends.map((backend) => backend.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The exit code instead, when there is nothing to do. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        from: { type: 'string', default: 'zookeeper' },
        to: { type: 'string', default: 'nacos' },
        json: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const { from, to, json, verbose } = values;
    for (const name of [from, to]) {
      if (!isRegistryName(name)) throw new Error(`there is no registry ${name}: ${registryNames.join(', ')}`);
    }
    if (from === to) throw new Error('--from and --to are the same');
    if (!isRegistryName(from) || !isRegistryName(to)) return 2;
    return { from, to, json, verbose };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nTry --help.\n`);
    return 2;
  }
}
