import { connect } from 'node:net';
import { sleep, type Clock } from './clock.ts';

/** Between two tries whether a port is open, in milliseconds. */
const PAUSE_MS = 100;

/** One try takes no longer than this, in milliseconds. */
const TRY_MS = 1_000;

/** Resolves once the port accepts a TCP connection; rejects with the signal's reason. */
export async function whenListening(
  host: string,
  port: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!(await accepts(host, port))) await sleep(clock, PAUSE_MS, signal);
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TRY_MS });
    const end = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
