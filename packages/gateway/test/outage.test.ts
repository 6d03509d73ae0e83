import { MemoryStore, memoryAdapter } from '@rollcall/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from './support/event-reader.ts';
import { rawConnection } from './support/raw-request.ts';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

const SERVICE = '/v1/namespaces/default/services/users';

let store: MemoryStore;
let running: RunningGateway;
let lease: Readonly<Record<string, string>>;
beforeEach(async () => {
  store = new MemoryStore();
  running = await runGateway({ adapter: memoryAdapter({ store }), changeTimeoutMs: 1_000 });
  const { body } = await running.call('POST', '/v1/leases', { body: { ttlMs: 600_000 } });
  lease = { 'rollcall-lease': (body as { id: string }).id };
});
afterEach(() => running.close());

const put = (id: string, more: object = {}) =>
  running.call('PUT', `${SERVICE}/instances/${id}`, {
    body: { host: '10.0.0.7', port: 8080, ...more },
    headers: lease,
  });

describe('while the registry behind is out', () => {
  it('a list is no empty list, but 503; who wants the last one can have it', async () => {
    await put('a');
    await expect
      .poll(async () => (await running.call('GET', `${SERVICE}/instances`)).body)
      .toMatchObject({ instances: [{ id: 'a' }] });
    store.setOutage(true);
    await expect.poll(async () => (await running.call('GET', `${SERVICE}/instances`)).status).toBe(503);
    const refused = await running.call('GET', `${SERVICE}/instances`);
    expect(refused).toMatchObject({ body: { code: 'UNAVAILABLE' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    const old = await running.call('GET', `${SERVICE}/instances?maxStaleMs=600000`);
    expect(old).toMatchObject({ status: 200, body: { instances: [{ id: 'a' }] } });
    expect((await running.call('GET', `${SERVICE}/instances?maxStaleMs=0`)).status).toBe(503);
    expect((await running.call('GET', '/v1/namespaces/default/services')).status).toBe(503);
    await expect
      .poll(async () => (await running.call('GET', '/readyz')).status, { timeout: 5_000 })
      .toBe(503);
    expect((await running.call('GET', '/livez')).status).toBe(200);
    store.setOutage(false);
    await expect
      .poll(async () => (await running.call('GET', `${SERVICE}/instances`)).body, { timeout: 15_000 })
      .toMatchObject({ instances: [{ id: 'a' }] });
  });

  it('a stream says so and ends; a change fails, is tried further, and is made in the end', async () => {
    await put('a');
    const events = await readEvents(`${running.url}${SERVICE}/events`);
    expect(await events.next()).toMatchObject({ event: 'list' });
    store.setOutage(true);
    expect((await put('a', { weight: 9 })).status).toBeGreaterThanOrEqual(503);
    expect(await events.next()).toMatchObject({ event: 'end', data: { status: 503, code: 'UNAVAILABLE' } });
    await events.close();
    store.setOutage(false);
    await expect
      .poll(() => store.list({ namespace: 'default', service: 'users' }).instances, { timeout: 15_000 })
      .toMatchObject([{ id: 'a', weight: 9 }]);
  });

  it('a lease that runs out is kept in mind: its instance leaves when the registry is back', async () => {
    const { body } = await running.call('POST', '/v1/leases', { body: { ttlMs: 1_000 } });
    const brief = { 'rollcall-lease': (body as { id: string }).id };
    const spec = { host: '10.0.0.7', port: 8080 };
    await running.call('PUT', `${SERVICE}/instances/brief`, { body: spec, headers: brief });
    store.setOutage(true);
    await expect
      .poll(
        async () => (await running.call('POST', `/v1/leases/${brief['rollcall-lease']}/renew`)).status,
        // Each look renews it where it is still there.
        { timeout: 10_000, interval: 1_500 },
      )
      .toBe(404);
    store.setOutage(false);
    await expect
      .poll(() => store.list({ namespace: 'default', service: 'users' }).instances, { timeout: 15_000 })
      .toEqual([]);
  });

  it('an entry that cannot be read is told, in lists and streams, and fails neither', async () => {
    await put('a');
    const events = await readEvents(`${running.url}${SERVICE}/events`);
    await events.next();
    store.plant({ namespace: 'default', service: 'users', id: 'broken' }, 'no instance');
    expect(await events.next()).toMatchObject({ event: 'delta', data: { skipped: [{ key: 'broken' }] } });
    expect((await running.call('GET', `${SERVICE}/instances`)).body).toMatchObject({
      instances: [{ id: 'a' }],
      skipped: [{ key: 'broken' }],
    });
    await events.close();
  });
});

describe('a reader that does not read', () => {
  it('costs no queue: it gets the newest list when it takes something again', async () => {
    await put('a');
    const { socket } = await rawConnection(running.url);
    let text = '';
    socket.on('data', (part: string) => (text += part));
    socket.write(`GET ${SERVICE}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => text).toContain('event: list');
    socket.pause();
    // 60 000 characters each: more than sockets and buffers hold.
    const changes = 400;
    const large = 'x'.repeat(60_000);
    for (let i = 1; i <= changes; i++) store.put(entry(i, large), store.grantLease(600_000));
    await expect
      .poll(async () => JSON.stringify((await running.call('GET', `${SERVICE}/instances`)).body), {
        timeout: 10_000,
      })
      .toContain(`"weight":${changes}`);
    for (let i = 1; i <= changes; i++) {
      store.put(entry(i, large), store.grantLease(600_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await expect.poll(() => text.split('event: list').length, { timeout: 15_000 }).toBeGreaterThan(2);
    await expect
      .poll(() => text.split('event: ').at(-1), { timeout: 15_000 })
      .toContain(`"weight":${changes}`);
    expect(text.split('event: delta').length).toBeLessThan(changes);
    socket.destroy();
  });
});

function entry(weight: number, large: string) {
  const key = { namespace: 'default', service: 'users', id: 'large' };
  return Object.freeze({
    ...key,
    host: '10.0.0.7',
    port: 80,
    status: 'UP' as const,
    weight,
    metadata: { large },
  });
}
