import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startBackend, type Backend } from './backends.ts';
import { jsonOutput, plainOutput, type Output } from './line-output.ts';
import { HELP, readOptions, UsageError, type Options } from './options.ts';
import { screenOutput } from './screen-output.ts';
import { Stage } from './stage.ts';
import type { Tell } from './story-event.ts';
import { playStory } from './story.ts';

/** Someone wants it to end. */
class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: string, number: number) {
    super(`ended by ${signal}: everything that was started is stopped`);
    this.exitCode = 128 + number;
  }
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2), { isTTY: process.stdout.isTTY, env: process.env });
    if (options !== 'help') return await direct(options);
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\nTry --help.\n`);
    return 2;
  }
}

/** Sets the stage, plays the story, and clears everything away, however it ends. */
async function direct(options: Options): Promise<number> {
  const { registry, ttlMs, callsPerSecond } = options;
  const began = performance.now();
  const nowMs = (): number => performance.now() - began;
  const output = outputFor(options, nowMs);
  const tell: Tell = (event) => output.show(event, nowMs());
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-main-job-'));
  let backend: Backend | undefined;
  let stage: Stage | undefined;
  try {
    tell({ event: 'began', registry, ttlMs, callsPerSecond, folder });
    backend = await interruptible(
      startBackend(registry, folder, (message) => tell({ event: 'preparing', message })),
      signal,
    );
    tell({ event: 'registry-ready', where: backend.where });
    stage = new Stage({ registry: backend, ttlMs, callsPerSecond, folder, tell, signal });
    await playStory(stage, ttlMs, tell);
    return 0;
  } catch (error) {
    tell({ event: 'aborted', reason: error instanceof Error ? error.message : String(error) });
    return error instanceof Interrupted ? error.exitCode : 1;
  } finally {
    await stage?.clear();
    await backend?.stop();
    await rm(folder, { recursive: true, force: true });
    interrupt.release();
    output.close();
  }
}

function outputFor({ output }: Options, nowMs: () => number): Output {
  if (output === 'screen') return screenOutput(process.stdout, nowMs);
  return output === 'json' ? jsonOutput(write) : plainOutput(write);
}

function write(text: string): void {
  process.stdout.write(text);
}

/** A signal that aborts when the process is asked to end. A request that comes again is the same one. */
function onInterrupt(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const end = (signal: string, number: number): void => controller.abort(new Interrupted(signal, number));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of signals) process.off(signal, end);
    },
  };
}

/** Preparing a server can't be cut short, but nobody has to wait for it: it ends with this process. */
function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
