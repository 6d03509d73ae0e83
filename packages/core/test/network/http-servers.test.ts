import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { HttpServers, type HttpServersOptions } from '../../src/network/index.ts';

const doing = 'ask Atlantis';

let stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  stops = [];
});

function clientOf(servers: readonly string[], more: Partial<HttpServersOptions> = {}): HttpServers {
  const client = new HttpServers({ name: 'Atlantis', servers, ...more });
  onTestFinished(() => client.close());
  return client;
}

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serving = (handle: RequestListener) => listening(createServer(handle));
/** Takes connections, and hands each to `talk` when the first bytes have come. */
const speaking = (talk: (socket: Socket) => void) =>
  listening(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => talk(socket));
    }),
  );
const nobody = async () => {
  const server = createTcpServer();
  const url = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
};
const ask = (client: HttpServers, signal = AbortSignal.timeout(5_000)) =>
  client.request({ method: 'GET', path: ['here'], signal, doing });

describe('a request arrives as it was meant', () => {
  it('with its method, path, query, headers and body, below the path of the server', async () => {
    const seen: unknown[] = [];
    const url = await serving((request, response) => {
      seen.push(request.method, request.url, request.headers['x-token']);
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        seen.push(String(Buffer.concat(parts)));
        response.writeHead(204, { 'x-index': '7' }).end();
      });
    });
    const answer = await clientOf([`${url}/base/`]).request({
      method: 'PUT',
      path: ['v1', 'a/b ✓'],
      query: { q: '1&2' },
      headers: { 'x-token': 'abc' },
      body: '{"ä":1}',
      signal: AbortSignal.timeout(5_000),
      doing,
    });
    expect(seen).toEqual(['PUT', '/base/v1/a%2Fb%20%E2%9C%93?q=1%262', 'abc', '{"ä":1}']);
    expect(answer).toMatchObject({ status: 204, text: '', server: `${url}/base/` });
    expect(answer.headers['x-index']).toBe('7');
  });

  it('to an IPv6 address, and with dots where they are names', async () => {
    const server = createServer((request, response) => response.end(request.url));
    server.listen(0, '::1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const client = clientOf([`http://[::1]:${(server.address() as AddressInfo).port}/base/`], {
      dotNames: true,
    });
    const path = ['..', '.', '.a', 'a/..'];
    const { text } = await client.request({ method: 'GET', path, signal: AbortSignal.timeout(5_000), doing });
    expect(text).toBe('/base/%2E./%2E/%2Ea/a%2F..');
  });

  it.each(['.', '..'])('but never with %s in its path', async (part) => {
    const request = clientOf([await nobody()]).request({
      method: 'GET',
      path: ['a', part],
      signal: AbortSignal.timeout(5_000),
      doing,
    });
    await expect(request).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('the next server takes over', () => {
  it.each([
    ['can not be reached', nobody],
    ['answers 503', () => serving((_request, response) => response.writeHead(503).end('busy'))],
    ['says nothing', () => speaking(() => {})],
    ['hangs up', () => speaking((socket) => socket.destroy())],
    ['speaks no HTTP', () => speaking((socket) => socket.end('220 mail.invalid ESMTP\r\n'))],
    [
      'cuts its answer short',
      () => speaking((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc')),
    ],
  ])('from one that %s, and keeps the place', async (_what, bad) => {
    let asked = 0;
    const badUrl = await bad();
    const good = await serving((_request, response) => response.end(`good ${++asked}`));
    const client = clientOf([badUrl, good], { attemptTimeoutMs: 200 });
    expect(await ask(client)).toMatchObject({ text: 'good 1', server: good });
    expect(await ask(client)).toMatchObject({ text: 'good 2', server: good });
  });

  it('for the next request, when the one in use had not answered until the deadline', async () => {
    const silent = await speaking(() => {});
    const good = await serving((_request, response) => response.end('good'));
    const client = clientOf([silent, good], { attemptTimeoutMs: 60_000 });
    await expect(ask(client, AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await ask(client)).toMatchObject({ server: good });
  });

  it('not because somebody gave up', async () => {
    const silent = await speaking(() => {});
    const client = clientOf([silent, await serving((_request, response) => response.end('good'))]);
    const stop = new AbortController();
    const waiting = ask(client, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(client.current).toBe(silent);
  });

  it('only for requests that may be made elsewhere', async () => {
    const bad = await serving((_request, response) => response.writeHead(503).end());
    const good = await serving((_request, response) => response.end('good'));
    const client = clientOf([good, bad]);
    const request = { method: 'GET', path: [], signal: AbortSignal.timeout(5_000), doing } as const;
    const only = client.request({ ...request, server: { url: bad, isOnly: true } });
    await expect(only).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const first = await client.request({ ...request, server: { url: bad, isOnly: false } });
    expect(first).toMatchObject({ server: good });
    expect(client.current).toBe(good);
  });

  it('in time, where a request has to be answered by one', async () => {
    const silent = await speaking(() => {});
    const client = clientOf([silent, await nobody()], { attemptTimeoutMs: 60_000 });
    const only = client.request({
      method: 'GET',
      path: [],
      server: { url: silent, isOnly: true },
      attemptTimeoutMs: 50,
      signal: AbortSignal.timeout(5_000),
      doing,
    });
    await expect(only).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('50 ms') as string,
    });
    expect(client.current).not.toBe(silent);
  });

  it('and its error says what it answered, where that is asked for', async () => {
    const busy = await serving((_request, response) => response.writeHead(503).end('busy'));
    await expect(ask(clientOf([busy], { said: ({ text }) => `it is ${text}` }))).rejects.toThrow(
      `${doing}: it answered 503: it is busy`,
    );
  });

  it('not for an answer below 500, which is the answer', async () => {
    const first = await serving((_request, response) => response.writeHead(404).end('not here'));
    const client = clientOf([first, await serving((_request, response) => response.end('good'))]);
    expect(await ask(client)).toMatchObject({ status: 404, text: 'not here', server: first });
  });

  it('and when none serves, the error says what became of each', async () => {
    const refused = await nobody();
    const busy = await serving((_request, response) => response.writeHead(503).end('secret'));
    const error = await ask(clientOf([refused, busy])).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    const { message } = error as Error;
    expect(message).toContain(`${doing}: no Atlantis server serves: ${refused}: ECONNREFUSED`);
    expect(message).toContain(`${busy}: it answered 503`);
    expect(message).not.toContain('secret');
  });
});

describe('a connection is kept', () => {
  it('and used for the next request', async () => {
    const ports = new Set<number | undefined>();
    const url = await serving((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('good');
    });
    const client = clientOf([url]);
    await ask(client);
    await ask(client);
    expect(ports.size).toBe(1);
  });

  it('and one that was closed meanwhile is no failure', async () => {
    let connections = 0;
    const url = await listening(
      createTcpServer((socket) => {
        connections++;
        socket.on('error', () => {});
        let isFirst = true;
        socket.on('data', () => {
          // The second request on it meets a reset.
          if (isFirst) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood');
          else socket.resetAndDestroy();
          isFirst = false;
        });
      }),
    );
    const client = clientOf([url]);
    expect(await ask(client)).toMatchObject({ text: 'good' });
    expect(await ask(client)).toMatchObject({ text: 'good' });
    expect(connections).toBe(2);
  });
});

describe('a wait ends', () => {
  it('by the signal', async () => {
    const stop = new AbortController();
    const client = clientOf([await speaking(() => stop.abort())]);
    await expect(ask(client, stop.signal)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('by a signal that has aborted already, before anything is sent', async () => {
    let asked = 0;
    const client = clientOf([await serving((_request, response) => response.end(String(++asked)))]);
    await expect(ask(client, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await ask(client)).toMatchObject({ text: '1' });
  });

  it('by close, which closes every connection', async () => {
    let seen = () => {};
    const arrived = new Promise<void>((resolve) => (seen = resolve));
    let closed = 0;
    const url = await speaking((socket) => {
      socket.on('close', () => closed++);
      seen();
    });
    const client = clientOf([url]);
    const waiting = ask(client).catch((cause: unknown) => cause);
    await arrived;
    client.close();
    expect(await waiting).toMatchObject({ code: 'CLOSED' });
    await expect(ask(client)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect.poll(() => closed).toBe(1);
  });

  it('for an answer that is larger than allowed', async () => {
    const url = await serving((_request, response) => response.end('x'.repeat(1_001)));
    const client = clientOf([url], { maxBodyBytes: 1_000 });
    await expect(ask(client)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });
});

describe('a stream', () => {
  const follow = (client: HttpServers, signal: AbortSignal = AbortSignal.timeout(5_000), silenceMs = 5_000) =>
    client.stream({ method: 'GET', path: [], signal, doing }, silenceMs);
  const opened = async (...how: Parameters<typeof follow>) => {
    const answer = await follow(...how);
    if (!('parts' in answer)) throw new Error(`no stream, but ${answer.status}`);
    return { ...answer, reader: answer.parts[Symbol.asyncIterator]() };
  };
  const beginning = (more: (response: ServerResponse) => void = () => {}) =>
    serving((_request, response) => {
      response.writeHead(200, { 'x-index': '7' }).write('one');
      more(response);
    });

  it('gives its parts as they come, until the server ends it', async () => {
    const responses: ServerResponse[] = [];
    const url = await beginning((response) => responses.push(response));
    const { reader, status, headers, server } = await opened(clientOf([url]));
    expect({ status, server, index: headers['x-index'] }).toEqual({ status: 200, server: url, index: '7' });
    expect(await reader.next()).toEqual({ value: 'one', done: false });
    responses[0]?.end('two');
    expect(await reader.next()).toEqual({ value: 'two', done: false });
    expect(await reader.next()).toMatchObject({ done: true });
  });

  it('comes from the next server when the first has none', async () => {
    const busy = await serving((_request, response) => response.writeHead(503).end());
    const good = await beginning();
    const client = clientOf([await nobody(), busy, good]);
    expect(await opened(client)).toMatchObject({ server: good });
    client.close();
  });

  it('is none where the answer is no success', async () => {
    const url = await serving((_request, response) => response.writeHead(404).end('not here'));
    expect(await follow(clientOf([url]))).toMatchObject({ status: 404, text: 'not here' });
  });

  it('outlives the time that a server has for its answer', async () => {
    const responses: ServerResponse[] = [];
    const url = await beginning((response) => responses.push(response));
    const hasted = { attemptTimeoutMs: 100 };
    const client = clientOf([url, await nobody()], hasted);
    const { reader } = await opened(client);
    await reader.next();
    // A server that says nothing, asked after the stream began, has had its time when another one answers.
    const good = await serving((_request, response) => response.end('good'));
    expect(await ask(clientOf([await speaking(() => {}), good], hasted))).toMatchObject({ text: 'good' });
    responses[0]?.write('two');
    expect(await reader.next()).toMatchObject({ value: 'two' });
    client.close();
  });

  it.each<[string, string, (response: ServerResponse) => void]>([
    ['UNAVAILABLE', 'the connection is lost', (response) => response.destroy()],
    ['UNAVAILABLE', 'nothing comes for too long', () => {}],
  ])('ends %s when %s', async (code, _what, end) => {
    const responses: ServerResponse[] = [];
    const url = await beginning((response) => responses.push(response));
    const { reader } = await opened(clientOf([url]), AbortSignal.timeout(5_000), 200);
    await reader.next();
    responses.forEach(end);
    await expect(reader.next()).rejects.toMatchObject({ code });
  });

  it('ends by its signal, by close, and by its reader, and its connection with it', async () => {
    let open = 0;
    const url = await beginning((response) => {
      open++;
      response.on('close', () => open--);
    });
    const stop = new AbortController();
    const client = clientOf([url]);
    const [one, two, three] = [await opened(client, stop.signal), await opened(client), await opened(client)];
    for (const { reader } of [one, two]) await reader.next();
    stop.abort();
    await expect(one.reader.next()).rejects.toMatchObject({ code: 'ABORTED' });
    three.close();
    await expect.poll(() => open).toBe(1);
    const next = two.reader.next();
    client.close();
    await expect(next).rejects.toMatchObject({ code: 'CLOSED' });
    await expect.poll(() => open).toBe(0);
    await expect(follow(client)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('gzip', () => {
  const packed = (bytes: Buffer) =>
    serving((request, response) => {
      const isWanted = request.headers['accept-encoding'] === 'gzip';
      if (isWanted) response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
      else response.end('plain');
    });
  const askPacked = (client: HttpServers) =>
    client.request({ method: 'GET', path: [], gzip: true, doing: 'ask', signal: AbortSignal.timeout(5_000) });

  it('is unpacked where it was asked for, and not asked for otherwise', async () => {
    const client = clientOf([await packed(gzipSync('grüße'))]);
    expect(await askPacked(client)).toMatchObject({ text: 'grüße' });
    expect(await ask(client)).toMatchObject({ text: 'plain' });
  });

  it('that is none is an answer of another protocol', async () => {
    const client = clientOf([await packed(Buffer.from('no gzip'))]);
    await expect(askPacked(client)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('of little that unpacks to more than allowed is refused', async () => {
    const url = await packed(gzipSync('x'.repeat(100_000)));
    const client = clientOf([url], { maxBodyBytes: 1_000 });
    await expect(askPacked(client)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('larger than 1000 bytes') as string,
    });
  });
});

it('a server that speaks no TLS is told apart from one that is away', async () => {
  const url = await speaking((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const error = await ask(clientOf([url.replace('http:', 'https:')])).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'UNAVAILABLE' });
  expect((error as Error).message).toContain('TLS failed');
});
