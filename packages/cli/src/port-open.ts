import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Between two tries, and for one try, in milliseconds. */
const PAUSE_MS = 100;
const TRY_MS = 1_000;

/** Resolves once the port accepts connections; rejects with the signal's reason. */
export async function whenOpen(host: string, port: number, signal: AbortSignal): Promise<void> {
  while (!(await accepts(host, port))) await pause(PAUSE_MS, undefined, { signal });
}

/** Whether the port accepts a connection now. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TRY_MS });
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
