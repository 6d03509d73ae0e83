import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** A command that runs beside, on this process's own input and output. */
export interface ChildCommand {
  /** Its exit code, or 128 and the number of the signal that ended it. Rejects where it couldn't be started. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a command. */
export function startCommand([program = '', ...args]: readonly string[]): ChildCommand {
  const child = spawn(program, args, { stdio: 'inherit' });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'ENOENT' ? 'there is no such program' : cause.message;
      reject(new Error(`can't run ${program}: ${why}`, { cause }));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}
