import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { instance, json, leasing, openAdapter, problem, Scripted, soon } from './scripted-gateway.ts';

const TTL = { ttlMs: 10_000 };
const PLACE = '/v1/namespaces/default/services/a/instances';

describe('a lease', () => {
  it('holds all instances of the process, also those that ask at once', async () => {
    const gateway = await Scripted.start(leasing('one'));
    const adapter = await openAdapter({ urls: [gateway.url] });
    const ids = ['1', '2', '3'];
    const leases = await Promise.all(
      ids.map((id) => adapter.register(instance('a', id), { ...TTL, ...soon() })),
    );
    expect(new Set(leases).size).toBe(1);
    expect(leases[0]?.ttlMs).toBe(9_000);
    expect(gateway.lines.toSorted()).toEqual(['POST /v1/leases', ...ids.map((id) => `PUT ${PLACE}/${id}`)]);
    expect(gateway.asked[0]).toMatchObject({ body: '{"ttlMs":10000}' });
    for (const { headers, body } of gateway.asked.slice(1)) {
      expect(headers['rollcall-lease']).toBe('one-1');
      expect(JSON.parse(body)).toEqual({ host: '10.0.0.7', port: 8080 });
    }
  });

  it('is another for another TTL', async () => {
    const gateway = await Scripted.start(leasing('one'));
    const adapter = await openAdapter({ urls: [gateway.url] });
    const first = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    expect(await adapter.register(instance('a', '2'), { ttlMs: 20_000, ...soon() })).not.toBe(first);
  });

  it('is renewed by one request', async () => {
    const gateway = await Scripted.start(leasing('one'));
    const adapter = await openAdapter({ urls: [gateway.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    gateway.asked.length = 0;
    await lease.renew?.(soon());
    expect(gateway.lines).toEqual(['POST /v1/leases/one-1/renew']);
  });

  it('that the gateway forgot is lost for all that hang on it, and the next registration gets another', async () => {
    const knows = new Set<string>();
    const gateway = await Scripted.start(leasing('one', { knows }));
    const adapter = await openAdapter({ urls: [gateway.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    knows.clear();
    knows.add('another');
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(lease.lost?.aborted).toBe(true);
    const next = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    expect(next).not.toBe(lease);
    // The same, noticed by a write.
    knows.clear();
    knows.add('another');
    knows.add('a third');
    await expect(adapter.register(instance('a', '2'), { ...TTL, ...soon() })).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(next.lost?.aborted).toBe(true);
    await adapter.register(instance('a', '2'), { ...TTL, ...soon() });
  });

  it('is not said to be lost by a page that isn’t there', async () => {
    let isGateway = true;
    const play = leasing('one');
    const gateway = await Scripted.start((asked, response, n) => {
      if (isGateway) play(asked, response, n);
      else response.writeHead(404).end('not found');
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    isGateway = false;
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(lease.lost?.aborted).toBe(false);
  });

  it('is not renewed by any page that is there', async () => {
    let isGateway = true;
    const play = leasing('one');
    const gateway = await Scripted.start((asked, response, n) => {
      if (isGateway) play(asked, response, n);
      else response.end('<html>Sign in</html>');
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    isGateway = false;
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it.each(['', 'a\r\nb: c', 'x'.repeat(300), 7])('with the id %j is none', async (id) => {
    const gateway = await Scripted.start((_asked, response) => json(response, { id, ttlMs: 9_000 }));
    const adapter = await openAdapter({ urls: [gateway.url] });
    await expect(adapter.register(instance('a', '1'), { ...TTL, ...soon() })).rejects.toMatchObject({
      code: 'PROTOCOL',
    });
  });
});

describe('deregistration', () => {
  it('ends the lease with its last instance, so that a late write is refused', async () => {
    const gateway = await Scripted.start(leasing('one'));
    const adapter = await openAdapter({ urls: [gateway.url] });
    for (const id of ['1', '2']) await adapter.register(instance('a', id), { ...TTL, ...soon() });
    gateway.asked.length = 0;
    await adapter.deregister(instance('a', '1'), soon());
    expect(gateway.lines).toEqual([`DELETE ${PLACE}/1`]);
    await adapter.deregister(instance('a', '2'), soon());
    expect(gateway.lines.slice(1)).toEqual([`DELETE ${PLACE}/2`, 'DELETE /v1/leases/one-1']);
    await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    expect(gateway.lines.slice(3)).toEqual(['POST /v1/leases', `PUT ${PLACE}/1`]);
  });

  it('of who was never registered here asks all the same', async () => {
    const gateway = await Scripted.start(leasing('one'));
    const adapter = await openAdapter({ urls: [gateway.url] });
    await adapter.deregister(instance('a', '1'), soon());
    expect(gateway.lines).toEqual([`DELETE ${PLACE}/1`]);
  });

  it('resolves although the empty lease could not be ended', async () => {
    const play = leasing('one');
    const gateway = await Scripted.start((asked, response, n) => {
      if (asked.method === 'DELETE' && asked.path.startsWith('/v1/leases')) problem(response, 503);
      else play(asked, response, n);
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    await expect(adapter.deregister(instance('a', '1'), soon())).resolves.toBeUndefined();
  });

  it('asks the gateway that keeps the instance, also when another has come into use', async () => {
    const [one, two] = [await Scripted.start(leasing('one')), await Scripted.start(leasing('two'))];
    const adapter = await openAdapter({ urls: [one.url, two.url] });
    await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    const { script } = one;
    one.script = (_asked, response) => problem(response, 503);
    two.script = (_asked, response) => json(response, { services: [] });
    await adapter.listServices('default', soon());
    one.script = script;
    one.asked.length = two.asked.length = 0;
    await adapter.deregister(instance('a', '1'), soon());
    expect(one.lines).toEqual([`DELETE ${PLACE}/1`, 'DELETE /v1/leases/one-1']);
    expect(two.lines).toEqual([]);
  });
});

describe('when the gateway in use is gone', () => {
  it('a beat finds the lease lost at the next one, and the registration moves there', async () => {
    const [one, two] = [await Scripted.start(leasing('one')), await Scripted.start(leasing('two'))];
    const adapter = await openAdapter({ urls: [one.url, two.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    await lease.renew?.(soon());
    expect(two.asked).toEqual([]);
    await one.stop();
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    expect(two.lines).toEqual(['POST /v1/leases/one-1/renew', 'POST /v1/leases', `PUT ${PLACE}/1`]);
    expect(two.asked.at(-1)?.headers['rollcall-lease']).toBe('two-1');
  });

  it('a beat asks the next one in time, when the first says nothing', async () => {
    const ttlMs = 3_000;
    const [one, two] = [
      await Scripted.start(leasing('one', { ttlMs })),
      await Scripted.start(leasing('two', { ttlMs })),
    ];
    const adapter = await openAdapter({ urls: [one.url, two.url] });
    const lease = await adapter.register(instance('a', '1'), { ttlMs, ...soon() });
    one.script = () => {};
    // The core gives a beat a third of the TTL.
    await expect(lease.renew?.(soon(ttlMs / 3))).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('a write that it can’t make goes to the next one, on a lease of that one, and its own lease is not lost', async () => {
    const [one, two] = [await Scripted.start(leasing('one')), await Scripted.start(leasing('two'))];
    const adapter = await openAdapter({ urls: [one.url, two.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    const { script } = one;
    one.script = (asked, response, n) => {
      if (asked.method === 'PUT') problem(response, 503, { code: 'UNAVAILABLE' });
      else script(asked, response, n);
    };
    const again = () => adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    await expect(again()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(two.lines).toEqual([]);
    expect(await again()).not.toBe(lease);
    expect(two.lines).toEqual(['POST /v1/leases', `PUT ${PLACE}/1`]);
    expect(lease.lost?.aborted).toBe(false);
    await lease.renew?.(soon());
    // What the first one knew of it is the second one's to say now.
    one.asked.length = 0;
    await adapter.deregister(instance('a', '1'), soon());
    expect(one.lines).toEqual([]);
    expect(two.lines.slice(2)).toEqual([`DELETE ${PLACE}/1`, 'DELETE /v1/leases/two-1']);
  });

  it('an outage of what is behind all gateways is no loss of a lease', async () => {
    const [one, two] = [await Scripted.start(leasing('one')), await Scripted.start(leasing('two'))];
    const adapter = await openAdapter({ urls: [one.url, two.url] });
    const lease = await adapter.register(instance('a', '1'), { ...TTL, ...soon() });
    for (const gateway of [one, two]) {
      const { script } = gateway;
      gateway.script = (asked, response, n) => {
        if (asked.path.startsWith('/v1/namespaces')) problem(response, 503, { code: 'UNAVAILABLE' });
        else script(asked, response, n);
      };
    }
    for (let times = 0; times < 3; times++) {
      await expect(adapter.register(instance('a', '1'), { ...TTL, ...soon() })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      await expect(adapter.listServices('default', soon())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await lease.renew?.(soon());
    }
    expect(lease.lost?.aborted).toBe(false);
  });
});

describe('a token in a file', () => {
  it('is read anew for each request, and the last one stays while the file is away', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-token-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    const gateway = await Scripted.start((_asked, response) => json(response, { services: [] }));
    await writeFile(tokenFile, 'first\n');
    const adapter = await openAdapter({ urls: [gateway.url], tokenFile });
    const sent = async () => {
      await adapter.listServices('default', soon());
      return gateway.asked.at(-1)?.headers.authorization;
    };
    expect(await sent()).toBe('Bearer first');
    await writeFile(tokenFile, 'second\n');
    expect(await sent()).toBe('Bearer second');
    await writeFile(tokenFile, '');
    expect(await sent()).toBe('Bearer second');
    await rm(tokenFile);
    expect(await sent()).toBe('Bearer second');
    await writeFile(tokenFile, 'two words');
    await expect(sent()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.not.stringContaining('two words') as string,
    });
  });
});
