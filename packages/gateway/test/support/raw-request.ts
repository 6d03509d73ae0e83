import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

/** A request whose path is sent letter by letter: `fetch` would straighten it. */
export function rawRequest(
  base: string,
  {
    method = 'GET',
    path,
    headers = {},
    body,
  }: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<{ readonly status: number; readonly body: string }> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, path, method, headers: { ...headers }, timeout: 10_000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

/** A bare connection, to send what no client would. */
export interface RawConnection {
  readonly socket: Socket;
  /** Resolves when the other side has closed it, with all that it said. */
  readonly ended: Promise<string>;
}

export async function rawConnection(base: string): Promise<RawConnection> {
  const { hostname, port } = new URL(base);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  const ended = new Promise<string>((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve(text));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return { socket, ended };
}
