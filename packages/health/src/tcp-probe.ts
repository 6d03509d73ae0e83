import { connect } from 'node:net';
import type { Probe } from './probe.ts';

/** Well is who takes a TCP connection. It says that somebody listens, and not that anybody works. */
export function tcpProbe(): Probe {
  return ({ host, port }, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, signal });
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', reject);
    });
}
