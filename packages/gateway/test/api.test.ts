import { encodeSegment } from '@rollcall/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents } from './support/event-reader.ts';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

let running: RunningGateway;
beforeAll(async () => {
  running = await runGateway();
});
afterAll(() => running.close());

const INSTANCE = { host: '10.0.0.7', port: 8080 };

let services = 0;
/** A service of its own for each test. */
function newService(): string {
  return `/v1/namespaces/default/services/service-${++services}`;
}

async function newLease(ttlMs = 60_000): Promise<Readonly<Record<string, string>>> {
  const { body } = await running.call('POST', '/v1/leases', { body: { ttlMs } });
  return { 'rollcall-lease': (body as { id: string }).id };
}

describe('instances', () => {
  it('are listed under a lease, and read back', async () => {
    const service = newService();
    const headers = await newLease();
    const put = await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    expect(put.status).toBe(201);
    const read = await running.call('GET', `${service}/instances/a`);
    expect(read).toMatchObject({ status: 200, body: { id: 'a', ...INSTANCE, status: 'UP', weight: 1 } });
    expect(read.headers.get('etag')).toBe(put.headers.get('etag'));
    await expect
      .poll(async () => (await running.call('GET', `${service}/instances`)).body)
      .toMatchObject({ instances: [{ id: 'a' }], skipped: [] });
  });

  it('are changed in place, address and all', async () => {
    const service = newService();
    const headers = await newLease();
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    const body = { host: '10.0.0.8', port: 81, weight: 3, tags: ['canary'] };
    const again = await running.call('PUT', `${service}/instances/a`, { body, headers });
    expect(again).toMatchObject({ status: 200, body: { id: 'a', ...body } });
  });

  it('leave when they are removed, and that is no error when they are not there', async () => {
    const service = newService();
    const headers = await newLease();
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    expect((await running.call('DELETE', `${service}/instances/a`)).status).toBe(204);
    await expect.poll(async () => (await running.call('GET', `${service}/instances/a`)).status).toBe(404);
    expect((await running.call('DELETE', `${service}/instances/a`)).status).toBe(204);
  });

  it('leave when their lease is not renewed, and stay while it is', async () => {
    const service = newService();
    const [kept, lost] = [await newLease(1_000), await newLease(1_000)];
    await running.call('PUT', `${service}/instances/kept`, { body: INSTANCE, headers: kept });
    await running.call('PUT', `${service}/instances/lost`, { body: INSTANCE, headers: lost });
    const ids = async () => {
      await running.call('POST', `/v1/leases/${kept['rollcall-lease']}/renew`);
      const { body } = await running.call('GET', `${service}/instances`);
      return (body as { instances: { id: string }[] }).instances.map(({ id }) => id);
    };
    await expect.poll(ids, { timeout: 10_000 }).toEqual(['kept']);
    expect((await running.call('POST', `/v1/leases/${lost['rollcall-lease']}/renew`)).body).toMatchObject({
      status: 404,
      code: 'LEASE_LOST',
    });
  });

  it('leave when their lease is given back', async () => {
    const service = newService();
    const headers = await newLease();
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    expect((await running.call('DELETE', `/v1/leases/${headers['rollcall-lease']}`)).status).toBe(204);
    await expect.poll(async () => (await running.call('GET', `${service}/instances/a`)).status).toBe(404);
  });

  it('need a lease that is known', async () => {
    const service = newService();
    const headers = { 'rollcall-lease': 'unknown' };
    const refused = await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    expect(refused).toMatchObject({ status: 404, body: { code: 'LEASE_LOST' } });
    const none = await running.call('PUT', `${service}/instances/a`, { body: INSTANCE });
    expect(none).toMatchObject({ status: 400, body: { field: 'Rollcall-Lease' } });
  });

  it('are changed only if the ETag still holds', async () => {
    const service = newService();
    const lease = await newLease();
    const put = (body: object, headers: Readonly<Record<string, string>>) =>
      running.call('PUT', `${service}/instances/a`, { body, headers: { ...lease, ...headers } });
    expect((await put(INSTANCE, { 'if-match': '*' })).status).toBe(412);
    const first = await put(INSTANCE, { 'if-none-match': '*' });
    expect(first.status).toBe(201);
    expect((await put(INSTANCE, { 'if-none-match': '*' })).status).toBe(412);
    const etag = first.headers.get('etag') ?? '';
    expect((await put({ ...INSTANCE, weight: 2 }, { 'if-match': etag })).status).toBe(200);
    expect((await put({ ...INSTANCE, weight: 3 }, { 'if-match': etag })).status).toBe(412);
    const removal = await running.call('DELETE', `${service}/instances/a`, { headers: { 'if-match': etag } });
    expect(removal.status).toBe(412);
  });

  it('of concurrent changes under one ETag, one is made', async () => {
    const service = newService();
    const lease = await newLease();
    const first = await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers: lease });
    const headers = { ...lease, 'if-match': first.headers.get('etag') ?? '' };
    const answers = await Promise.all(
      [2, 3, 4, 5].map((weight) =>
        running.call('PUT', `${service}/instances/a`, { body: { ...INSTANCE, weight }, headers }),
      ),
    );
    expect(answers.map(({ status }) => status).filter((status) => status === 412)).toHaveLength(3);
  });

  it('have names that the path, the body and the list agree on, whatever they are made of', async () => {
    const headers = await newLease();
    for (const name of ['a/b', '...', '%2F', '__proto__', 'naïve ☃', 'quote\'"<script>', 'a:1?x#y']) {
      const path = `/v1/namespaces/default/services/${encodeSegment(name)}/instances`;
      const put = await running.call('PUT', `${path}/${encodeSegment(name)}`, { body: INSTANCE, headers });
      expect(put, name).toMatchObject({ status: 201, body: { service: name, id: name } });
      await expect
        .poll(async () => (await running.call('GET', path)).body)
        .toMatchObject({ instances: [{ service: name, id: name }] });
    }
    const other = await running.call('PUT', `${newService()}/instances/a`, {
      body: { ...INSTANCE, id: 'b' },
      headers,
    });
    expect(other).toMatchObject({ status: 400, body: { field: 'id' } });
  });
});

describe('an override', () => {
  it('stays over what the owner says, until it is deleted', async () => {
    const service = newService();
    const headers = await newLease();
    const put = (body: object) => running.call('PUT', `${service}/instances/a`, { body, headers });
    await put({ ...INSTANCE, weight: 5 });
    const drained = await running.call('PUT', `${service}/instances/a/override`, {
      body: { status: 'OUT_OF_SERVICE' },
    });
    expect(drained).toMatchObject({ status: 200, body: { status: 'OUT_OF_SERVICE', weight: 5 } });
    expect(await put({ ...INSTANCE, weight: 7 })).toMatchObject({
      body: { status: 'OUT_OF_SERVICE', weight: 7 },
    });
    const cleared = await running.call('DELETE', `${service}/instances/a/override`);
    expect(cleared).toMatchObject({ status: 200, body: { status: 'UP', weight: 7 } });
  });

  it('that says what the owner says is none: it hides nothing that the owner says later', async () => {
    const service = newService();
    const headers = await newLease();
    const put = (body: object) => running.call('PUT', `${service}/instances/a`, { body, headers });
    const override = (body: object) => running.call('PUT', `${service}/instances/a/override`, { body });
    await put(INSTANCE);
    await override({ status: 'OUT_OF_SERVICE', weight: 3 });
    expect(await override({ status: 'UP' })).toMatchObject({ body: { status: 'UP', weight: 3 } });
    expect(await put({ ...INSTANCE, status: 'STARTING', weight: 9 })).toMatchObject({
      body: { status: 'STARTING', weight: 3 },
    });
  });

  it('stays for an instance that leaves and comes back', async () => {
    const service = newService();
    const headers = await newLease();
    const put = () => running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    await put();
    await running.call('PUT', `${service}/instances/a/override`, { body: { weight: 0 } });
    await running.call('DELETE', `${service}/instances/a`);
    await expect.poll(async () => (await running.call('GET', `${service}/instances/a`)).status).toBe(404);
    expect(await put()).toMatchObject({ body: { weight: 0 } });
  });

  it('of nothing is refused', async () => {
    const service = newService();
    const missing = await running.call('PUT', `${service}/instances/a/override`, { body: { weight: 0 } });
    expect(missing).toMatchObject({ status: 404 });
    const empty = await running.call('PUT', `${service}/instances/a/override`, { body: {} });
    expect(empty).toMatchObject({ status: 400 });
  });
});

describe('a list', () => {
  it('of a service that nobody registered is empty', async () => {
    expect(await running.call('GET', `${newService()}/instances`)).toMatchObject({
      status: 200,
      body: { instances: [], skipped: [] },
    });
  });

  it('is not sent again to who has it', async () => {
    const service = newService();
    const { headers } = await running.call('GET', `${service}/instances`);
    const etag = headers.get('etag') ?? '';
    const again = await running.call('GET', `${service}/instances`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers: await newLease() });
    await expect
      .poll(async () => {
        const next = await running.call('GET', `${service}/instances`, {
          headers: { 'if-none-match': etag },
        });
        return next.status;
      })
      .toBe(200);
  });
});

describe('a stream', () => {
  it('begins with the list and goes on with what changes', async () => {
    const service = newService();
    const headers = await newLease();
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers });
    const events = await readEvents(`${running.url}${service}/events`);
    expect(await events.next()).toMatchObject({ event: 'list', data: { instances: [{ id: 'a' }] } });
    await running.call('PUT', `${service}/instances/b`, { body: INSTANCE, headers });
    expect(await events.next()).toMatchObject({ event: 'delta', data: { put: [{ id: 'b' }], removed: [] } });
    await running.call('DELETE', `${service}/instances/a`);
    expect(await events.next()).toMatchObject({ event: 'delta', data: { put: [], removed: ['a'] } });
    await events.close();
  });

  it('goes on where it stopped, and begins anew where the history does not reach', async () => {
    const service = newService();
    const headers = await newLease();
    const first = await readEvents(`${running.url}${service}/events`);
    const begin = await first.next();
    await first.close();
    for (const id of ['a', 'b'])
      await running.call('PUT', `${service}/instances/${id}`, { body: INSTANCE, headers });
    await expect
      .poll(async () => (await running.call('GET', `${service}/instances`)).body)
      .toMatchObject({ instances: [{ id: 'a' }, { id: 'b' }] });
    const resumed = await readEvents(`${running.url}${service}/events`, {
      headers: { 'last-event-id': begin?.id ?? '' },
    });
    expect(await resumed.next()).toMatchObject({ event: 'delta', data: { put: [{ id: 'a' }] } });
    expect(await resumed.next()).toMatchObject({ event: 'delta', data: { put: [{ id: 'b' }] } });
    await resumed.close();
    for (const id of ['other:1', `${begin?.id?.split(':')[0]}:99`, 'x', `${begin?.id?.split(':')[0]}:-1`]) {
      const anew = await readEvents(`${running.url}${service}/events`, { headers: { 'last-event-id': id } });
      expect(await anew.next(), id).toMatchObject({ event: 'list' });
      await anew.close();
    }
  });

  it('of services tells their names', async () => {
    const events = await readEvents(`${running.url}/v1/namespaces/names/events`);
    expect(await events.next()).toMatchObject({ event: 'services', data: { services: [] } });
    await running.call('PUT', '/v1/namespaces/names/services/one/instances/a', {
      body: INSTANCE,
      headers: await newLease(),
    });
    expect(await events.next()).toMatchObject({ event: 'services', data: { services: ['one'] } });
    await events.close();
  });

  it('of changes tells who did what', async () => {
    const service = newService();
    const events = await readEvents(`${running.url}/v1/changes/events?namespace=default`);
    await running.call('PUT', `${service}/instances/a`, { body: INSTANCE, headers: await newLease() });
    expect(await events.next()).toMatchObject({
      event: 'change',
      data: { kind: 'registered', id: 'a', by: 'anonymous' },
    });
    await events.close();
    const { body } = await running.call('GET', '/v1/changes');
    expect((body as { changes: unknown[] }).changes.at(-1)).toMatchObject({ kind: 'registered', id: 'a' });
  });
});

describe('the gateway', () => {
  it('says how it is without credentials', async () => {
    expect((await running.call('GET', '/livez')).status).toBe(200);
    expect((await running.call('GET', '/readyz')).status).toBe(200);
    const { status, body } = await running.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(body).toMatch(/^rollcall_gateway_instances \d+$/m);
    expect(body).not.toContain('service-1');
  });

  it('tells streams that it leaves', async () => {
    const leaving = await runGateway();
    const events = await readEvents(`${leaving.url}/v1/namespaces/default/services/a/events`);
    await events.next();
    const closed = leaving.close();
    expect(await events.next()).toMatchObject({ event: 'end', data: { status: 503, code: 'UNAVAILABLE' } });
    expect(await events.next()).toBeUndefined();
    await events.close();
    await closed;
  });

  it('shows the namespaces, who the caller is, and a picture of all', async () => {
    await running.call('PUT', '/v1/namespaces/picture/services/one/instances/a', {
      body: { ...INSTANCE, status: 'DOWN' },
      headers: await newLease(),
    });
    expect((await running.call('GET', '/v1/namespaces')).body).toMatchObject({
      namespaces: expect.arrayContaining(['default', 'picture']) as unknown,
    });
    expect((await running.call('GET', '/v1/me')).body).toMatchObject({
      subject: 'anonymous',
      kind: 'anonymous',
    });
    await expect
      .poll(async () => (await running.call('GET', '/v1/topology')).body)
      .toMatchObject({
        namespaces: expect.arrayContaining([
          { name: 'picture', mode: 'limited', services: [{ name: 'one', up: 0, total: 1 }] },
        ]) as unknown,
      });
  });
});
