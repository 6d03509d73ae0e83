import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type Backend,
  isRegistryName,
  type RegistryName,
  registryNames,
  startBackend,
} from '@rollcall-examples/main-job/backends';
import { Program } from '@rollcall-examples/main-job/program';
import { createRegistry, type Registry } from '@rollcall/core';
import { createFetch } from '@rollcall/http';
import { Load } from './load.ts';

const HELP = `Restarts every instance of a service, one after the other, while it gets orders, and counts those that fail.

  npm run restart                        on file, which needs no server
  npm run restart -- --registry etcd     ${registryNames.join(', ')}
  npm run restart -- --requests 50000    goes round until there were so many (10000)
  npm run restart -- --json              the counts as one line of JSON at the end, and nothing else
  npm run restart -- --verbose           also what the processes log

Exit code: 0 when no request failed, 1 when one did or a step failed, 2 for a mistake in the command line.
`;

const INSTANCES = 3;
/** Until a new instance is listed, and until an old one has left, in milliseconds. */
const START_WITHIN_MS = 60_000;
const LEAVE_WITHIN_MS = 60_000;

interface Options {
  readonly registry: RegistryName;
  readonly requests: number;
  readonly json: boolean;
  readonly verbose: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { registry: name, requests, json, verbose } = options;
  const say = (line: string): void => void (json || process.stdout.write(`${line}\n`));
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-restart-'));
  const programs = new Set<Program>();
  let [backend, registry, load]: [Backend?, Registry?, Load?] = [];
  try {
    say(`starting ${name}`);
    backend = await startBackend(name, folder, (line) => process.stderr.write(`${name}: ${line}\n`));
    say(`${name}: ${backend.where}`);
    const settings = { type: backend.type, options: backend.options };
    registry = await createRegistry({
      cwd: folder,
      env: {},
      config: { registry: settings, log: { level: verbose ? 'info' : 'silent' } },
    });
    const view = registry.service('order-service');
    const start = async (id: string): Promise<Program> => {
      const program = startInstance(id, { folder, settings, verbose });
      programs.add(program);
      await until(`${id} is listed`, START_WITHIN_MS, async () => {
        const { instances } = await view.load();
        return instances.some((each) => each.id === id && each.status === 'UP');
      });
      return program;
    };
    let running: Program[] = [];
    // oxlint-disable-next-line no-await-in-loop -- programs that start at once are slower on a small machine
    for (let n = 1; n <= INSTANCES; n++) running.push(await start(`order-service-1-${n}`));

    const fetch = createFetch(registry);
    load = new Load(fetch);
    for (let round = 2; round === 2 || load.counts.requests < requests; round++) {
      const next: Program[] = [];
      for (const [place, old] of running.entries()) {
        const id = `order-service-${round}-${place + 1}`;
        // oxlint-disable-next-line no-await-in-loop -- one after the other is what a rolling restart is
        next.push(await start(id));
        // oxlint-disable-next-line no-await-in-loop -- the same
        await leave(old);
        programs.delete(old);
        const { requests: made, failures } = load.counts;
        say(`${id} in the place of ${old.id}: ${made} requests, ${failures.length} failed`);
      }
      running = next;
    }
    await load.end();
    await fetch.close();
    const { requests: made, failures, byInstance } = load.counts;
    if (json) {
      const counts = { registry: name, requests: made, failed: failures.length, byInstance };
      process.stdout.write(`${JSON.stringify(counts)}\n`);
    } else say(`${made} requests, ${failures.length} failed`);
    for (const failure of new Set(failures)) process.stderr.write(`${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all([...programs].map(({ ended }) => ended));
    await load?.end();
    await registry?.close();
    await backend?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface InstanceOptions {
  readonly folder: string;
  readonly settings: { readonly type: string; readonly options: Readonly<Record<string, unknown>> };
  readonly verbose: boolean;
}

function startInstance(id: string, { folder, settings, verbose }: InstanceOptions): Program {
  // A configuration of the user's own must not reach it.
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('ROLLCALL_'));
  return new Program({
    id,
    module: new URL('./instance.ts', import.meta.url).href,
    cwd: folder,
    env: {
      ...Object.fromEntries(others),
      INSTANCE: id,
      ROLLCALL_REGISTRY_TYPE: settings.type,
      ROLLCALL_REGISTRY_OPTIONS: JSON.stringify(settings.options),
    },
    onOutput: () => {},
    onLog: (line) => void (verbose && process.stderr.write(`${id}: ${line}\n`)),
  });
}

async function leave(program: Program): Promise<void> {
  program.kill('SIGTERM');
  let end: Awaited<Program['ended']> | undefined;
  void program.ended.then((ended) => (end = ended));
  await until(`the end of ${program.id}`, LEAVE_WITHIN_MS, () => Promise.resolve(end !== undefined));
  if (end?.code !== 0)
    throw new Error(
      `${program.id} was to end with exit code 0, but it was ${end?.signal ?? end?.code}:\n${program.log}`,
    );
}

async function until(what: string, withinMs: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  // oxlint-disable-next-line no-await-in-loop -- asked again and again
  while (!(await check().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1_000} s`);
    // oxlint-disable-next-line no-await-in-loop -- the pause between two looks
    await pause(50);
  }
}

/** The exit code instead, when there is nothing to do. */
function readOptions(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        registry: { type: 'string', default: 'file' },
        requests: { type: 'string', default: '10000' },
        json: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const { registry, json, verbose } = values;
    if (!isRegistryName(registry))
      throw new Error(`there is no registry ${registry}; there are ${registryNames.join(', ')}`);
    const requests = Number(values.requests);
    if (!Number.isInteger(requests) || requests < 1)
      throw new Error(`--requests must be a whole number from 1, but it is ${values.requests}`);
    return { registry, requests, json, verbose };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
}
