import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let echo: Server;
let echoPort: number;
let proxy: TcpProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const address = echo.address();
  echoPort = typeof address === 'object' && address ? address.port : 0;
  proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: echoPort });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  await new Promise((resolve) => {
    echo.close(resolve);
  });
});

describe('startTcpProxy passes bytes', () => {
  it('both ways, in order, more than any buffer holds', async () => {
    const client = await connected();
    const sent = Buffer.alloc(8 * 1024 * 1024, 'rollcall ');
    const received = collect(client);
    client.end(sent);
    await once(client, 'end');
    expect(Buffer.concat(received.chunks).equals(sent)).toBe(true);
  });

  it('later, when latency is added, and still in order', async () => {
    const client = await connected();
    proxy.addLatency(60);
    const started = performance.now();
    const received = collect(client);
    client.write('one ');
    client.write('two');
    await expect.poll(() => received.text()).toBe('one two');
    expect(performance.now() - started).toBeGreaterThanOrEqual(119);
  });

  it('and closes the client when the server can not be reached', async () => {
    const nowhere = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: 1 });
    const client = await connected(nowhere.port);
    await once(client, 'close');
    await expect.poll(() => nowhere.connections).toBe(0);
    await nowhere.stop();
  });
});

describe('cut', () => {
  it('destroys every connection and refuses new ones, until restore', async () => {
    const client = await connected();
    const closed = once(client, 'close');
    await proxy.cut();
    await closed;
    expect(proxy.connections).toBe(0);
    await expect(connected()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.restore();
    const again = await connected();
    const received = collect(again);
    again.write('back');
    await expect.poll(() => received.text()).toBe('back');
  });
});

describe('blackhole', () => {
  it('keeps connections open and passes no byte, then delivers what it held back', async () => {
    const client = await connected();
    const received = collect(client);
    client.write('before ');
    await expect.poll(() => received.text()).toBe('before ');
    proxy.blackhole();
    client.write('held');
    const late = await connected();
    const lateReceived = collect(late);
    late.write('late');
    // What travels through a second proxy meanwhile shows that there was time for the bytes to arrive.
    await roundTrips(5);
    expect(received.text()).toBe('before ');
    expect(lateReceived.text()).toBe('');
    expect([client.readyState, late.readyState]).toEqual(['open', 'open']);
    expect(proxy.connections).toBe(2);
    await proxy.restore();
    await expect.poll(() => received.text()).toBe('before held');
    await expect.poll(() => lateReceived.text()).toBe('late');
  });

  it('hides from the server that a client went away, until restore', async () => {
    const arrived = new Promise<Socket>((resolve) => {
      echo.once('connection', resolve);
    });
    const client = await connected();
    const serverSide = await arrived;
    serverSide.resume();
    proxy.blackhole();
    client.destroy();
    await roundTrips(5);
    expect(serverSide.readableEnded).toBe(false);
    await proxy.restore();
    await expect.poll(() => serverSide.readableEnded || serverSide.destroyed).toBe(true);
    await expect.poll(() => proxy.connections).toBe(0);
  });
});

describe('stop', () => {
  it('frees the port and destroys connections, in a black hole too', async () => {
    const client = await connected();
    proxy.blackhole();
    const closed = once(client, 'close');
    await proxy.stop();
    await closed;
    const second = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: echoPort, port: proxy.port });
    expect(second.port).toBe(proxy.port);
    await second.stop();
  });
});

async function connected(port = proxy.port): Promise<Socket> {
  const client = connect({ host: '127.0.0.1', port, noDelay: true });
  clients.push(client);
  await once(client, 'connect');
  client.on('error', () => undefined);
  return client;
}

function collect(socket: Socket): { readonly chunks: Buffer[]; text(): string } {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  return { chunks, text: () => Buffer.concat(chunks).toString() };
}

async function roundTrips(count: number): Promise<void> {
  const other = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: echoPort });
  const client = await connected(other.port);
  for (let trip = 0; trip < count; trip++) {
    client.write('ping');
    // oxlint-disable-next-line no-await-in-loop -- one trip after the other
    await once(client, 'data');
  }
  await other.stop();
}
