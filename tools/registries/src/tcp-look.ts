import { connect } from 'node:net';

const LOOK_MS = 1_000;

/** What a server on 127.0.0.1 answers to a line until it closes the connection, or undefined without an answer in a second. */
export function tcpLook(port: number, line: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port });
    socket.setEncoding('utf8');
    const end = (result: string | undefined): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(result);
    };
    const deadline = setTimeout(() => end(undefined), LOOK_MS);
    socket.once('connect', () => socket.write(line));
    socket.on('data', (text: string) => (answer += text));
    socket.once('error', () => end(undefined));
    socket.once('end', () => end(answer));
  });
}
