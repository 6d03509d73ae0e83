import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ChildOptions } from './child.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

export interface Child {
  readonly process: ChildProcess;
  /** What it told so far. */
  readonly told: string[];
}

/** Starts `child.ts` as a process, which is killed when the test ends. */
export function startChild(
  dir: string,
  task: 'hold' | 'write' | 'lookAs',
  options: ChildOptions = {},
): Child {
  const child = fork(CHILD, [dir, task, JSON.stringify(options)], {
    execArgv: ['--conditions=@rollcall/source', '--import', 'tsx'],
  });
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const told: string[] = [];
  child.on('message', (message) => told.push(message as string));
  return { process: child, told };
}
