import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The name of the file, in each server's folder, that holds its process id while it runs. */
export const PID_FILE = 'pid';

/**
 * Waits for the end of its standard input, which comes when we end in whatever way, then kills what still runs and
 * removes the folder. After a regular stop it finds nothing to do.
 */
const SCRIPT = `
cat >/dev/null
for file in "$1"/*/${PID_FILE}; do
  if [ -f "$file" ]; then kill -KILL "$(cat "$file")"; fi
done
rm -rf "$1"
`;

/**
 * Sees to it that the servers in a folder end with this process: by an exit hook, and for ends that run no hook (SIGKILL, a crash) by a
 * small shell process. Returns a function that ends the watch.
 */
export function guard(folder: string): () => Promise<void> {
  const onExit = (): void => sweep(folder);
  process.once('exit', onExit);
  if (process.platform === 'win32') {
    return () => {
      process.off('exit', onExit);
      return Promise.resolve();
    };
  }
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'rollcall-guardian', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve());
    shell.once('error', () => resolve());
  });
  shell.stdin.on('error', () => undefined);
  // Neither the shell nor its pipe keeps this process alive. The pipe is a socket in Node, whose type does not say so.
  shell.unref();
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  return async () => {
    process.off('exit', onExit);
    shell.stdin.end();
    shell.ref();
    await ended;
  };
}

/** Kills what runs in a folder and removes it, at once. */
function sweep(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder)) {
    const pid = readPid(join(folder, entry, PID_FILE));
    if (pid !== undefined) killHard(pid);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** The process id that a file holds, or undefined. */
function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
