import { once } from 'node:events';
import { createServer, request, Agent } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { requestCounter, type Wire } from '../src/on-registry/client-requests.ts';
import { CountingProxy } from '../src/on-registry/counting-proxy.ts';

const HTTP = Buffer.from(
  [
    'GET /v1/health/service/users?index=4&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n',
    'PUT /v1/agent/service/register HTTP/1.1\r\nHost: a\r\ncontent-length: 20\r\n\r\nGET / HTTP/1.1\r\n\r\n..',
    'POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12\r\nGET / HTTP/1.1\r\n\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    'DELETE /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
  ].join(''),
);

const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame({ type: 4, payload: '' }),
  frame({ type: 8, payload: 'abcd' }),
  // A call with one message, and the empty frame that some clients end it with.
  frame({ type: 1, payload: 'headers', stream: 1 }),
  frame({ type: 0, payload: 'a message with \x00\x00\x02\x01 in it', stream: 1 }),
  frame({ type: 0, payload: '', stream: 1 }),
  frame({ type: 6, payload: '12345678' }),
  // A message on a stream that is open.
  frame({ type: 0, payload: 'another', stream: 3 }),
  frame({ type: 3, payload: 'rst.', stream: 3 }),
]);

const ZOOKEEPER = Buffer.concat(['handshake', 'a ping', '', 'x'.repeat(300)].map(packet));

describe('what a client asks is counted by frames', () => {
  it.each([
    ['http', HTTP, 4],
    ['grpc', HTTP2, 3],
    ['zookeeper', ZOOKEEPER, 4],
  ] as const)('of %s, however it is cut into pieces', (wire, bytes, expected) => {
    for (const size of [1, 2, 3, 5, 8, 13, 100, bytes.length])
      expect(inPieces(wire, bytes, size), `pieces of ${size} bytes`).toBe(expected);
  });
});

describe('the counting proxy', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  it('passes requests on, and counts them', async () => {
    const server = createServer((incoming, answer) => {
      void buffer(incoming).then((body) => answer.end(`${incoming.method} ${body.length}`));
    });
    const proxy = await before(server, 'http');
    const agent = new Agent({ keepAlive: true });
    closing.push(() => agent.destroy());
    const ask = async (method: string, body: string): Promise<string> => {
      const asked = request({ host: '127.0.0.1', port: proxy.port, method, agent });
      asked.end(body);
      const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
      return (await buffer(answer)).toString();
    };
    expect(await ask('GET', '')).toBe('GET 0');
    expect(await ask('PUT', 'x'.repeat(100_000))).toBe('PUT 100000');
    expect(await ask('GET', '')).toBe('GET 0');
    expect(proxy.requests).toBe(3);
  });

  it('counts what an HTTP/2 client really sends', async () => {
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.resume();
      stream.end();
    });
    const proxy = await before(server, 'grpc');
    const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
    closing.push(() => session.destroy());
    for (let calls = 0; calls < 3; calls++) {
      const call = session.request({ ':method': 'POST', ':path': '/a/b' });
      call.write('a message');
      call.resume();
      // oxlint-disable-next-line no-await-in-loop -- one after another
      await once(call, 'response');
      call.end();
      // oxlint-disable-next-line no-await-in-loop
      await once(call, 'close');
    }
    const pinged = new Promise((resolve) => session.ping(resolve));
    await pinged;
    expect(proxy.requests).toBe(6);
  });

  it('ends the connection when the server does', async () => {
    const server = createServer((incoming) => incoming.socket.destroy());
    const proxy = await before(server, 'http');
    const asked = request({ host: '127.0.0.1', port: proxy.port });
    asked.end();
    await expect(once(asked, 'response')).rejects.toThrow('socket hang up');
  });

  async function before(server: Server, wire: Wire): Promise<CountingProxy> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.push(() => server.close());
    const proxy = await CountingProxy.open((server.address() as AddressInfo).port, [{ offset: 0, wire }]);
    closing.push(() => proxy.close());
    return proxy;
  }
});

function inPieces(wire: Wire, bytes: Buffer, size: number): number {
  const count = requestCounter(wire);
  let counted = 0;
  for (let at = 0; at < bytes.length; at += size) counted += count(bytes.subarray(at, at + size));
  return counted;
}

function frame({
  type,
  payload,
  stream = 0,
}: {
  readonly type: number;
  readonly payload: string;
  readonly stream?: number;
}): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload, 'latin1')]);
}

function packet(payload: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(payload.length);
  return Buffer.concat([head, Buffer.from(payload)]);
}
