import { spawn } from 'node:child_process';

import type { Progress } from './contract.ts';

export interface CommandOptions {
  readonly cwd?: string;
  /** Replaces the environment. Defaults to this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Milliseconds until the command is killed. Defaults to 15 000. */
  readonly timeoutMs?: number;
  /** Told every 15 seconds that the command still runs. */
  readonly progress?: Progress;
  /** The command's name in messages. Defaults to the program and its first argument. */
  readonly title?: string;
}

const STILL_RUNNING_EVERY_MS = 15_000;
const KEPT_OF_STDERR = 2_000;

/** Runs a program without a shell and resolves with its standard output. Rejects with the end of its stderr. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const title = options.title ?? `${program} ${args[0] ?? ''}`.trim();
  const timeoutMs = options.timeoutMs ?? 15_000;
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_OF_STDERR);
    });
    // A program that ends without reading its input closes the pipe: its exit code says enough.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');

    let timedOut = false;
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const beat = setInterval(() => {
      options.progress?.(`${title}: still running, ${Math.round((performance.now() - started) / 1000)} s`);
    }, STILL_RUNNING_EVERY_MS);
    const settle = (error?: Error): void => {
      clearTimeout(deadline);
      clearInterval(beat);
      if (error) reject(error);
      else resolve(stdout);
    };
    child.once('error', (cause) => settle(new Error(`${title}: ${cause.message}`, { cause })));
    child.once('close', (code, signal) => {
      if (code === 0) settle();
      else if (timedOut) settle(new Error(`${title}: no end within ${timeoutMs} ms. ${stderr.trim()}`));
      else
        settle(new Error(`${title}: failed (${signal ?? code}). ${(stderr.trim() || stdout.trim()).trim()}`));
    });
  });
}
