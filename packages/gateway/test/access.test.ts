import { AccessControl, createApiKey, type DecisionRecord, type PolicyInput } from '@rollcall/access';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents } from './support/event-reader.ts';
import { rawRequest } from './support/raw-request.ts';
import { runGateway, type Answer, type RunningGateway } from './support/running-gateway.ts';

const INSTANCE = { host: '10.0.0.7', port: 8080 };
const keys = {
  orders: createApiKey('orders'),
  payments: createApiKey('payments'),
  alice: createApiKey('alice'),
};

const policy: PolicyInput = {
  namespaces: { vault: { mode: 'strict' } },
  allow: [
    { from: 'orders', to: 'catalog/shown', metadata: { exposed: 'true' } },
    { from: '*', to: 'vault' },
  ],
  roles: {
    service: [{ verbs: ['register', 'list', 'watch'], namespaces: ['*'] }],
    operator: [
      {
        verbs: ['list', 'watch', 'register', 'override', 'deregister'],
        namespaces: ['payments', 'catalog', 'orders'],
      },
    ],
  },
  keys: [
    { id: 'orders', hash: keys.orders.hash, subject: 'orders/cart', roles: ['service'], namespace: 'orders' },
    {
      id: 'payments',
      hash: keys.payments.hash,
      subject: 'payments/ledger',
      roles: ['service'],
      namespace: 'payments',
    },
    { id: 'alice', hash: keys.alice.hash, subject: 'alice', roles: ['operator'] },
  ],
};

let access: AccessControl;
let running: RunningGateway;
const decisions: DecisionRecord[] = [];
beforeAll(async () => {
  access = await AccessControl.open({ policy, onDecision: (record) => decisions.push(record) });
  running = await runGateway({ access });
});
afterAll(async () => {
  await running.close();
  await access.close();
});

type Who = keyof typeof keys;
const as = (who: Who) => ({ authorization: `Bearer ${keys[who].key}` });

function call(who: Who, method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
  return running.call(method, path, { body, headers: { ...as(who), ...headers } });
}

async function register(who: Who, path: string, spec: object = INSTANCE): Promise<Answer> {
  const { body } = await call(who, 'POST', '/v1/leases', { ttlMs: 60_000 });
  return await call(who, 'PUT', path, spec, { 'rollcall-lease': (body as { id: string }).id });
}

const LEDGER = '/v1/namespaces/payments/services/ledger';

describe('who shows no credentials, or wrong ones', () => {
  it('is told so on every route, and learns nothing of what there is', async () => {
    const { paths } = (await running.call('GET', '/openapi.json')).body as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x')] as const),
    );
    expect(routes.length).toBeGreaterThan(14);
    for (const [method, path] of routes) {
      for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: 'Basic YTpi' }]) {
        const refused = await running.call(method, path, { headers });
        expect(refused, `${method} ${path}`).toMatchObject({
          status: 401,
          body: { code: 'UNAUTHENTICATED' },
        });
        expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    }
  });
});

describe('another tenant', () => {
  beforeAll(async () => {
    await register('payments', `${LEDGER}/instances/one`);
  });

  it('is refused by every route of the namespace', async () => {
    expect((await call('payments', 'GET', `${LEDGER}/instances/one`)).status).toBe(200);
    const asked: (readonly [string, string, unknown?])[] = [
      ['GET', '/v1/namespaces/payments/services'],
      ['GET', '/v1/namespaces/payments/events'],
      ['GET', `${LEDGER}/instances`],
      ['GET', `${LEDGER}/instances?maxStaleMs=100000`],
      ['GET', `${LEDGER}/instances/one`],
      ['GET', `${LEDGER}/events`],
      ['PUT', `${LEDGER}/instances/one`, INSTANCE],
      ['PUT', `${LEDGER}/instances/new`, INSTANCE],
      ['DELETE', `${LEDGER}/instances/one`],
      ['PUT', `${LEDGER}/instances/one/override`, { weight: 0 }],
      ['DELETE', `${LEDGER}/instances/one/override`],
      ['GET', '/v1/changes?namespace=payments'],
      ['GET', '/v1/changes/events?namespace=payments'],
    ];
    for (const [method, path, body] of asked) {
      const refused = await call('orders', method, path, body, { 'rollcall-lease': 'x' });
      expect(refused, `${method} ${path}`).toMatchObject({
        status: 403,
        body: { code: 'PERMISSION_DENIED' },
      });
      expect(JSON.stringify(refused.body)).not.toContain('10.0.0.7');
    }
  });

  it('is refused however the path is written', async () => {
    const ways = [
      '/v1/namespaces/orders/../payments/services/ledger/instances',
      '/v1/namespaces/orders%2F..%2Fpayments/services/ledger/instances',
      '/v1/namespaces/orders/services/..%2F..%2Fpayments%2Fservices%2Fledger/instances',
      '/v1/namespaces/%70ayments/services/ledger/instances',
      '/v1/namespaces/payments%00/services/ledger/instances',
      '/v1/namespaces/PAYMENTS/services/ledger/instances',
      '/v1//namespaces/payments/services/ledger/instances',
      '/v1/namespaces/orders;/../payments/services/ledger/instances',
      '/v1/namespaces/%2e%2e/services/ledger/instances',
      '/v1/namespaces/payments%2Fservices%2Fledger/services/x/instances',
      '/v1/namespaces/%252e%252e%252fpayments/services/ledger/instances',
      'http://payments/v1/namespaces/payments/services/ledger/instances',
      '/v1/namespaces/%ff/services/ledger/instances',
    ];
    for (const path of ways) {
      const { status, body } = await rawRequest(running.url, { path, headers: as('orders') });
      expect([400, 403, 404], `${path}: ${body}`).toContain(status === 200 ? holdsNothing(body) : status);
      expect(body, path).not.toContain('10.0.0.7');
    }
  });

  it('gets nothing by a header, a query or a body that names another namespace', async () => {
    const own = '/v1/namespaces/orders/services/cart';
    for (const header of [
      'x-namespace',
      'rollcall-namespace',
      'x-original-url',
      'x-rewrite-url',
      'x-forwarded-prefix',
    ]) {
      const { body } = await call('orders', 'GET', `${own}/instances`, undefined, {
        [header]: `${LEDGER}/instances`,
      });
      expect(body).toMatchObject({ instances: [] });
    }
    expect((await call('orders', 'GET', `${own}/instances?namespace=payments`)).status).toBe(400);
    const method = await call(
      'orders',
      'POST',
      '/v1/leases',
      { ttlMs: 1_000 },
      { 'x-http-method-override': 'DELETE' },
    );
    expect(method.status).toBe(201);
    const moved = await register('orders', `${own}/instances/a`, {
      ...INSTANCE,
      namespace: 'payments',
      service: 'ledger',
    });
    expect(moved).toMatchObject({ status: 400, body: { field: 'namespace' } });
  });

  it('gets no events by resuming what another had open', async () => {
    const theirs = await readEvents(`${running.url}${LEDGER}/events`, { headers: as('payments') });
    const first = await theirs.next();
    await theirs.close();
    const refused = await call('orders', 'GET', `${LEDGER}/events`, undefined, {
      'last-event-id': first?.id,
    });
    expect(refused.status).toBe(403);
    const mine = await readEvents(`${running.url}/v1/namespaces/orders/services/none/events`, {
      headers: { ...as('orders'), 'last-event-id': first?.id ?? '' },
    });
    expect(await mine.next()).toMatchObject({ event: 'list', data: { instances: [] } });
    await mine.close();
  });

  it('sees nothing of it in lists, pictures and changes', async () => {
    for (const path of ['/v1/namespaces', '/v1/me', '/v1/topology', '/v1/changes']) {
      const { status, body } = await call('orders', 'GET', path);
      expect(status).toBe(200);
      expect(JSON.stringify(body), path).not.toMatch(/payments|ledger/);
    }
  });

  it('cannot use, renew or end a lease that is not theirs', async () => {
    const { body } = await call('payments', 'POST', '/v1/leases', { ttlMs: 60_000 });
    const { id } = body as { id: string };
    expect(await call('orders', 'POST', `/v1/leases/${id}/renew`)).toMatchObject({ status: 404 });
    expect((await call('orders', 'DELETE', `/v1/leases/${id}`)).status).toBe(204);
    const path = '/v1/namespaces/orders/services/cart/instances/a';
    expect(await call('orders', 'PUT', path, INSTANCE, { 'rollcall-lease': id })).toMatchObject({
      status: 404,
      body: { code: 'LEASE_LOST' },
    });
    expect(await call('payments', 'POST', `/v1/leases/${id}/renew`)).toMatchObject({ status: 200 });
  });
});

describe('an instance', () => {
  const path = '/v1/namespaces/payments/services/owned/instances/mine';

  it('is changed by who registered it, or by a role that may', async () => {
    expect((await register('payments', path)).status).toBe(201);
    expect((await register('payments', path, { ...INSTANCE, weight: 2 })).status).toBe(200);
    const drained = await call('alice', 'PUT', `${path}/override`, { status: 'OUT_OF_SERVICE' });
    expect(drained).toMatchObject({
      status: 200,
      body: { owner: 'payments/ledger', status: 'OUT_OF_SERVICE' },
    });
    expect((await call('payments', 'PUT', `${path}/override`, { status: 'UP' })).status).toBe(403);
    expect((await call('payments', 'GET', path)).body).not.toHaveProperty('owner');
    expect((await call('alice', 'DELETE', path)).status).toBe(204);
  });

  it('of somebody else is not taken over by who may register in the same service', async () => {
    const theirs = '/v1/namespaces/orders/services/both/instances/one';
    expect((await register('orders', theirs)).status).toBe(201);
    const other = await register('alice', '/v1/namespaces/orders/services/both/instances/two');
    expect(other.status).toBe(201);
    const taken = await register('orders', '/v1/namespaces/orders/services/both/instances/two');
    expect(taken.status).toBe(403);
    expect((await call('orders', 'DELETE', '/v1/namespaces/orders/services/both/instances/two')).status).toBe(
      403,
    );
  });

  it('cannot claim another owner by its metadata', async () => {
    const forged = { ...INSTANCE, metadata: { 'rollcall.owner': 'alice' } };
    const refused = await register('payments', '/v1/namespaces/payments/services/x/instances/y', forged);
    expect(refused).toMatchObject({ status: 400, body: { field: 'metadata.rollcall.owner' } });
  });
});

describe('a crossing between namespaces', () => {
  const shown = '/v1/namespaces/catalog/services/shown';

  it('shows the instances that its rule is about, and not that there are others', async () => {
    await register('alice', `${shown}/instances/open`, { ...INSTANCE, metadata: { exposed: 'true' } });
    await register('alice', `${shown}/instances/hidden`);
    await expect
      .poll(async () => (await call('alice', 'GET', `${shown}/instances`)).body)
      .toMatchObject({ instances: [{ id: 'open' }, { id: 'hidden' }] });
    const { body } = await call('orders', 'GET', `${shown}/instances`);
    expect((body as { instances: { id: string }[] }).instances.map(({ id }) => id)).toEqual(['open']);
    expect((await call('orders', 'GET', `${shown}/instances/hidden`)).status).toBe(404);

    const events = await readEvents(`${running.url}${shown}/events`, { headers: as('orders') });
    expect(await events.next()).toMatchObject({ event: 'list', data: { instances: [{ id: 'open' }] } });
    // A change of what is hidden is not told, and one that stops being shown has left.
    await register('alice', `${shown}/instances/hidden`, { ...INSTANCE, weight: 9 });
    await register('alice', `${shown}/instances/open`);
    expect(await events.next()).toMatchObject({ event: 'delta', data: { put: [], removed: ['open'] } });
    await events.close();
  });

  it('into a strict namespace is none', async () => {
    expect((await call('orders', 'GET', '/v1/namespaces/vault/services/x/instances')).status).toBe(403);
  });
});

describe('decisions', () => {
  it('are logged with who, what and why, and without credentials', async () => {
    await call('orders', 'GET', `${LEDGER}/instances`);
    const record = decisions.at(-1);
    expect(record).toMatchObject({
      event: 'decision',
      subject: 'orders/cart',
      verb: 'list',
      namespace: 'payments',
      service: 'ledger',
      allowed: false,
    });
    const text = JSON.stringify(decisions);
    for (const { key } of Object.values(keys)) expect(text).not.toContain(key.slice(-20));
  });
});

/** What came is an empty list of the caller's own, and so no leak; anything else fails. */
function holdsNothing(body: string): number {
  return (JSON.parse(body) as { instances: unknown[] }).instances.length === 0 ? 404 : 200;
}
