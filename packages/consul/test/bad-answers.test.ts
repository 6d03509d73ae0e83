import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';

/** An agent that answers as it is told; `open` finds it in good order. */
async function fakeAgent(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    if (request.url === '/v1/status/leader') response.end('"127.0.0.1:8300"');
    else answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function adapterOf(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  return await openAdapter({ addresses: [await fakeAgent(answer)] });
}

const good = { 'Content-Type': 'application/json', 'X-Consul-Index': '7', 'X-Consul-KnownLeader': 'true' };

describe('an answer that is none rejects, with a code that says what to do', () => {
  it.each<[string, string, (response: ServerResponse) => void]>([
    ['no JSON', 'PROTOCOL', (response) => response.writeHead(200, good).end('<html>')],
    ['JSON of another kind', 'PROTOCOL', (response) => response.writeHead(200, good).end('{"a":1}')],
    ['an empty body', 'PROTOCOL', (response) => response.writeHead(200, good).end()],
    ['a redirect', 'PROTOCOL', (response) => response.writeHead(301, { Location: '/ui' }).end()],
    ['404', 'PROTOCOL', (response) => response.writeHead(404).end('no such page')],
    ['500', 'UNAVAILABLE', (response) => response.writeHead(500).end('No cluster leader')],
    ['429', 'UNAVAILABLE', (response) => response.writeHead(429).end('slow down')],
    ['403', 'PERMISSION_DENIED', (response) => response.writeHead(403).end('Permission denied: x')],
    [
      'a hidden 403',
      'PERMISSION_DENIED',
      (response) => response.writeHead(500).end('rpc error: Permission denied'),
    ],
    ['an unknown token', 'UNAUTHENTICATED', (response) => response.writeHead(403).end('ACL not found')],
    [
      'nobody who leads',
      'UNAVAILABLE',
      (response) => response.writeHead(200, { ...good, 'X-Consul-KnownLeader': 'false' }).end('[]'),
    ],
    [
      'an old state',
      'UNAVAILABLE',
      (response) => response.writeHead(200, { ...good, 'X-Consul-LastContact': '60000' }).end('[]'),
    ],
    [
      'a list that was filtered',
      'PERMISSION_DENIED',
      (response) =>
        response.writeHead(200, { ...good, 'X-Consul-Results-Filtered-By-ACLs': 'true' }).end('[]'),
    ],
    [
      'half a body',
      'PROTOCOL',
      (response) => {
        response.writeHead(200, { ...good, 'Content-Length': '1000' }).write('[{"Node"');
        setTimeout(() => response.destroy(), 20);
      },
    ],
    ['a reset', 'UNAVAILABLE', (response) => response.destroy()],
    ['no HTTP', 'PROTOCOL', (response) => response.socket?.end('SSH-2.0-OpenSSH\r\n\r\n')],
  ])('%s', async (_what, code, answer) => {
    const adapter = await adapterOf((_request, response) => answer(response));
    await expect(adapter.discover(keyOf('a'), soon())).rejects.toMatchObject({ name: 'RegistryError', code });
    const watch = adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ name: 'RegistryError', code });
  });

  it('a body without end is given up when it is too large', async () => {
    const adapter = await adapterOf((_request, response) => {
      response.writeHead(200, good);
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const pour = (): void => {
        while (response.write(chunk));
        response.once('drain', pour);
      };
      pour();
    });
    await expect(adapter.discover(keyOf('a'), soon())).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('larger than') as string,
    });
  });

  it('50 MB of entries that are too large are reported, and the good one is listed', async () => {
    const entryAt = (i: number) => ({
      Node: { Node: 'n' },
      Service: {
        ID: `x${i}`,
        Service: 'a',
        Address: 'h',
        Port: 80,
        Meta: { text: 'x'.repeat(i === 7 ? 5 : 500_000) },
      },
    });
    const text = JSON.stringify(Array.from({ length: 101 }, (_, i) => entryAt(i)));
    expect(text.length).toBeGreaterThan(50_000_000);
    const adapter = await adapterOf((_request, response) => response.writeHead(200, good).end(text));
    const { instances, skipped } = await adapter.discover(keyOf('a'), soon(20_000));
    expect(instances.map(({ id }) => id)).toEqual(['x7']);
    expect(skipped).toHaveLength(100);
  }, 30_000);

  it('no index: a watch can’t follow, and says so', async () => {
    const { 'X-Consul-Index': _index, ...without } = good;
    const adapter = await adapterOf((_request, response) => response.writeHead(200, without).end('[]'));
    const watch = adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('X-Consul-Index') as string,
    });
  });

  it('a registration that Consul refuses is INVALID_ARGUMENT, one that it never answers ends by its signal', async () => {
    const refusing = await adapterOf((_request, response) =>
      response.writeHead(400).end('Invalid service name'),
    );
    await expect(refusing.register(instance('a', 'a'), { ttlMs: 5_000, ...soon() })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Invalid service name') as string,
    });
    const silent = await adapterOf(() => {});
    await expect(silent.register(instance('a', 'a'), { ttlMs: 5_000, ...soon(200) })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });
});

describe('a watch', () => {
  it('doesn’t ask again and again where each answer comes at once and tells nothing new', async () => {
    let asked = 0;
    const adapter = await adapterOf((_request, response) => {
      asked++;
      response.writeHead(200, { ...good, 'X-Consul-Index': String(asked) }).end('[]');
    });
    const ended = (async () => {
      for await (const _ of adapter.watch(keyOf('a'), soon(2_000)));
    })();
    await expect(ended).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // At once, and after 25, 75, 175, 375, 775 and 1575 ms, and so on: each pause is twice as long.
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(10);
  });

  it('asks with the index of the last answer, and tells the list when that goes backwards', async () => {
    const indexes = ['40', '50', '3'];
    const queries: (string | null)[] = [];
    const adapter = await adapterOf((request, response) => {
      queries.push(new URL(request.url ?? '', 'http://agent').searchParams.get('index'));
      const index = indexes[queries.length - 1];
      const Service = { ID: 'x', Service: 'a', Address: 'h', Port: queries.length };
      const list = JSON.stringify([
        { Node: { Node: 'n' }, Service: { ...Service, ModifyIndex: 1 }, Checks: [] },
      ]);
      if (index !== undefined) response.writeHead(200, { ...good, 'X-Consul-Index': index }).end(list);
    });
    const kinds: string[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const event of adapter.watch(keyOf('a'), stop)) kinds.push(event.kind);
    })();
    following.catch(() => {});
    await vi.waitFor(() => expect(queries).toEqual([null, '40', '50', '3']));
    stop.abort();
    await expect(following).rejects.toMatchObject({ code: 'ABORTED' });
    // The second differs in nothing that Consul would have told by `ModifyIndex`; the third is another history.
    expect(kinds).toEqual(['list', 'list']);
  });
});

describe('of several agents', () => {
  it('the next is asked when one says nothing, or can’t serve', async () => {
    const silent = await fakeAgent(() => {});
    const failing = await fakeAgent((_request, response) => response.writeHead(500).end('No cluster leader'));
    const serving = await fakeAgent((_request, response) => response.writeHead(200, good).end('[]'));
    const adapter = await openAdapter({ addresses: [silent, failing, serving] });
    expect((await adapter.discover(keyOf('a'), soon())).instances).toEqual([]);
    const since = performance.now();
    await adapter.discover(keyOf('a'), soon());
    expect(performance.now() - since).toBeLessThan(1_000);
  }, 10_000);

  it('when none serves, the error says what each said', async () => {
    const answers = ['first trouble', 'second trouble'];
    const addresses = await Promise.all(
      answers.map((text) => fakeAgent((_request, response) => response.writeHead(500).end(text))),
    );
    const adapter = await openAdapter({ addresses });
    await expect(adapter.discover(keyOf('a'), soon())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/first trouble.*second trouble/u) as string,
    });
  });
});
