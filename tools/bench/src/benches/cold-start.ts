import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryError, type RegistryAdapter } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleInstances } from '../sample-instances.ts';
import { median } from '../statistics.ts';

const SERVICE = 'user-service';

export const coldStart: Bench = {
  name: 'cold-start',
  title: 'Start while the registry is down',
  async run({ quick, progress, fresh }) {
    const count = quick ? 500 : 10_000;
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
    try {
      progress(`saving ${count} instances`);
      await save(folder, count);
      const times: Record<Answer | 'file', number[]> = { refused: [], silent: [], file: [] };
      for (let round = 0; round < (quick ? 1 : 7); round++) {
        progress(`start ${round + 1}`);
        times.refused.push(
          await fresh<number>(import.meta.url, 'firstAnswer', { folder, count, answer: 'refused' }),
        );
        times.silent.push(
          await fresh<number>(import.meta.url, 'firstAnswer', { folder, count, answer: 'silent' }),
        );
        times.file.push(await fresh<number>(import.meta.url, 'readBare', folder));
      }
      const rows = (['refused', 'silent'] as const).map((answer) => {
        const ours = median(times[answer]);
        return row({
          what: `first answer with ${count.toLocaleString('en')} instances on disk; the registry ${answer === 'refused' ? 'refuses connections' : "doesn't answer"}`,
          unit: 'ms',
          ours,
          peer: { name: 'readFile and JSON.parse of the same file', figure: median(times.file) },
          target: { text: 'under 100 ms', met: ours < 100 },
        });
      });
      return {
        rows: [
          ...rows,
          row({
            what: 'the slowest of those starts',
            unit: 'ms',
            ours: Math.max(...times.refused, ...times.silent),
          }),
        ],
        notes: [
          'From `createRegistry()` to the first list in hand, in a fresh process each time, modules loaded; medians of seven starts. Wall time.',
          'It includes 50 ms in which the registry may still answer first.',
        ],
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

type Answer = 'refused' | 'silent';

/** Milliseconds from nothing to the list that was saved. */
export async function firstAnswer({
  folder,
  count,
  answer,
}: {
  readonly folder: string;
  readonly count: number;
  readonly answer: Answer;
}): Promise<number> {
  const adapter = new DownAdapter(answer);
  const start = performance.now();
  const registry = await measuredRegistry(adapter, { discovery: { snapshotDir: folder } });
  const { instances, source } = await registry.service(SERVICE).load();
  const tookMs = performance.now() - start;
  await registry.close();
  if (source !== 'disk' || instances.length !== count) throw new Error('that is not the list that was saved');
  return tookMs;
}

/** Milliseconds to read the saved file, without a look at what it says. */
export async function readBare(folder: string): Promise<number> {
  const start = performance.now();
  const text = await readFile(await savedFile(folder), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const tookMs = performance.now() - start;
  if (lines.length < 2) throw new Error('the file is empty');
  return tookMs;
}

async function save(folder: string, count: number): Promise<void> {
  const registry = await measuredRegistry(new PushAdapter((service) => sampleInstances(service, count)), {
    discovery: { snapshotDir: folder },
  });
  await registry.service(SERVICE).load();
  // The save began with the snapshot, and closing waits for it.
  await registry.close();
  await savedFile(folder);
}

async function savedFile(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true });
  const file = files.find((name) => name.endsWith('.jsonl'));
  if (!file) throw new Error('no list was saved');
  return join(folder, file);
}

class DownAdapter extends PushAdapter implements RegistryAdapter {
  readonly #answer: Answer;

  constructor(answer: Answer) {
    super();
    this.#answer = answer;
  }

  override open(signal?: AbortSignal): Promise<void> {
    if (this.#answer === 'refused')
      return Promise.reject(new RegistryError('UNAVAILABLE', 'connection refused'));
    return new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
  }
}
