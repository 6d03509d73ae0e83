import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { busiestSecond, CountingProxy } from '../src/counting-proxy.ts';
import { requestCounter } from '../src/wire.ts';

describe('requests are counted', () => {
  it('of HTTP, by their first lines; what follows of a body is none', () => {
    const counter = requestCounter('http');
    expect(counter.add(Buffer.from('PUT /v1/agent/service/register HTTP/1.1\r\n\r\n{'))).toBe(1);
    expect(counter.add(Buffer.from('"Name":"GET it"}'))).toBe(0);
    expect(counter.add(Buffer.from('GET /v1/status/leader HTTP/1.1\r\n\r\n'))).toBe(1);
  });

  it('of gRPC, by the frames that begin a call, however they are cut', () => {
    const sent = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      frame(4, 6), // settings
      frame(1, 40), // headers
      frame(0, 300), // data
      frame(1, 12),
      frame(8, 4), // window update
    ]);
    for (const size of [1, 7, 64, sent.length]) {
      const counter = requestCounter('grpc');
      let counted = 0;
      for (let at = 0; at < sent.length; at += size) counted += counter.add(sent.subarray(at, at + size));
      expect(counted).toBe(2);
    }
  });

  it('of ZooKeeper, by their lengths', () => {
    const packet = (length: number) => {
      const bytes = Buffer.alloc(length + 4);
      bytes.writeInt32BE(length);
      return bytes;
    };
    const sent = Buffer.concat([packet(45), packet(8), packet(30)]);
    const counter = requestCounter('zookeeper');
    expect(counter.add(sent.subarray(0, 50)) + counter.add(sent.subarray(50))).toBe(3);
  });

  function frame(type: number, length: number): Buffer {
    const bytes = Buffer.alloc(9 + length);
    bytes.writeUIntBE(length, 0, 3);
    bytes[3] = type;
    return bytes;
  }
});

describe('the busiest second', () => {
  it('is any second, not one of the clock', () => {
    expect(busiestSecond([900, 950, 1_000, 1_100, 1_899, 1_950, 5_000], 0, 10_000)).toBe(5);
  });

  it('is of that time only', () => {
    expect(busiestSecond([10, 20, 30, 2_000], 1_000, 9_000)).toBe(1);
    expect(busiestSecond([], 0, 1_000)).toBe(0);
  });
});

describe('the counting proxy', () => {
  it('passes what is said both ways, and counts connections also where nobody serves', async () => {
    const server = createServer((socket) => socket.resume().end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const proxy = await CountingProxy.open(port, [{ offset: 0, wire: 'http' }]);
    onTestFinished(() => proxy.stop());
    expect(await ask(proxy.port)).toBe('hello');
    server.close();
    await once(server, 'close');
    expect(await ask(proxy.port)).toBe('');
    expect(proxy.traffic.connections).toHaveLength(2);
    await vi.waitFor(() => expect(proxy.traffic.requests).toHaveLength(2));
  });

  async function ask(port: number): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\n\r\n');
    let said = '';
    socket.on('data', (chunk) => (said += chunk.toString()));
    await once(socket, 'close');
    return said;
  }
});
