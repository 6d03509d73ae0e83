import { createServer } from 'node:net';

/**
 * Below the range that systems give to outgoing connections (Linux 32768–60999, others 49152 and up), so that no client takes the port of
 * a server that is down for a moment.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 200;

/** Handed out by this process: they stay taken until it ends, because servers restart on them. */
const taken = new Set<number>();

/**
 * Ports on the loopback address that nobody listens on now. Another process may be faster than the server that is
 * meant to use them, so its start must be tried again with others when the bind fails.
 *
 * @param offsets for a server that takes ports at fixed distances from its first one: those must be free too.
 */
export async function freePorts(count: number, offsets: readonly number[] = []): Promise<number[]> {
  const ports: number[] = [];
  const [lowest, highest] = [LOWEST - Math.min(0, ...offsets), HIGHEST - Math.max(0, ...offsets)];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === TRIES)
      throw new Error(`no ${count} free ports between ${LOWEST} and ${HIGHEST} on 127.0.0.1`);
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    const all = [port, ...offsets.map((offset) => port + offset)];
    if (all.some((each) => taken.has(each))) continue;
    for (const each of all) taken.add(each);
    // oxlint-disable-next-line no-await-in-loop -- one probe after the other, there are few
    if ((await Promise.all(all.map(canListen))).every(Boolean)) ports.push(port);
    else for (const each of all) taken.delete(each);
  }
  return ports;
}

/** Whether a server could listen on this loopback port now. */
export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
