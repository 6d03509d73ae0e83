import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents, type EventReader } from './support/event-reader.ts';
import { rawConnection, rawRequest } from './support/raw-request.ts';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

const SERVICE = '/v1/namespaces/default/services/users';
const INSTANCE = { host: '10.0.0.7', port: 8080 };

let running: RunningGateway;
let lease: Readonly<Record<string, string>>;
beforeAll(async () => {
  running = await runGateway({
    limits: {
      headersTimeoutMs: 1_000,
      requestTimeoutMs: 2_000,
      streams: 60,
      streamsPerPrincipal: 40,
    },
  });
  const { body } = await running.call('POST', '/v1/leases', { body: { ttlMs: 600_000 } });
  lease = { 'rollcall-lease': (body as { id: string }).id };
  await running.call('PUT', `${SERVICE}/instances/witness`, { body: INSTANCE, headers: lease });
});
afterAll(() => running.close());

/** The server is as it was, and lost nothing. */
async function stillServes(): Promise<void> {
  expect(await running.call('GET', `${SERVICE}/instances/witness`)).toMatchObject({
    status: 200,
    body: INSTANCE,
  });
}

const put = (body: unknown, id = 'attack') =>
  running.call('PUT', `${SERVICE}/instances/${id}`, { body, headers: lease });

describe('bodies', () => {
  it('that are too large are refused, whether they say so or not', async () => {
    const huge = JSON.stringify({ ...INSTANCE, metadata: { x: 'x'.repeat(300_000) } });
    expect(await put(huge)).toMatchObject({ status: 413, body: { code: 'INVALID_ARGUMENT' } });
    const chunked = await fetch(`${running.url}${SERVICE}/instances/attack`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...lease },
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < 40; i++) controller.enqueue(new TextEncoder().encode('x'.repeat(10_000)));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit).then(
      ({ status }) => status,
      () => 'cut',
    );
    expect([413, 'cut']).toContain(chunked);
    await stillServes();
  });

  it('that are not what they should be are refused, with the field at fault', async () => {
    for (const [body, field] of [
      ['{', 'body'],
      ['[]', 'body'],
      ['null', 'body'],
      ['"text"', 'body'],
      ['['.repeat(100_000), 'body'],
      [{ ...INSTANCE, port: 0 }, 'port'],
      [{ ...INSTANCE, port: '80' }, 'port'],
      [{ ...INSTANCE, host: 'a b' }, 'host'],
      [{ ...INSTANCE, weight: 1e300 }, 'weight'],
      [{ ...INSTANCE, status: 'GREAT' }, 'status'],
      [{ ...INSTANCE, extra: true }, 'extra'],
      [{ ...INSTANCE, metadata: { a: { b: 'c' } } }, 'metadata.a'],
      [{ ...INSTANCE, endpoints: ['http://user:secret@host'] }, 'endpoints[0]'],
    ] as const)
      expect(await put(body), JSON.stringify(body).slice(0, 80)).toMatchObject({
        status: 400,
        body: { field },
      });
    expect((await running.call('PUT', `${SERVICE}/instances/attack`, { headers: lease })).status).toBe(400);
    const form = await fetch(`${running.url}/v1/leases`, {
      method: 'POST',
      body: new URLSearchParams({ ttlMs: '1' }),
    });
    expect(form.status).toBe(415);
    await stillServes();
  });

  it('cannot reach a prototype', async () => {
    for (const body of [
      '{"host":"h","port":1,"__proto__":{"polluted":true}}',
      '{"host":"h","port":1,"constructor":{"prototype":{"polluted":true}}}',
    ])
      expect((await put(body)).status).toBe(400);
    const kept = await put(
      '{"host":"h","port":1,"metadata":{"__proto__":"text","constructor":"text"}}',
      'proto',
    );
    expect(kept.status).toBe(201);
    const { body } = await running.call('GET', `${SERVICE}/instances/proto`);
    const { metadata } = body as { metadata: object };
    expect(new Map(Object.entries(metadata))).toEqual(
      new Map([
        ['__proto__', 'text'],
        ['constructor', 'text'],
      ]),
    );
    expect({}).not.toHaveProperty('polluted');
    expect(
      (await running.call('GET', '/v1/namespaces/__proto__/services/constructor/instances')).body,
    ).toMatchObject({
      instances: [],
    });
  });

  it('with scripts in them come back as data, on a page that runs none', async () => {
    const script = '<script>alert(1)</script>';
    await put({ ...INSTANCE, metadata: { [script]: script }, tags: [script] }, 'script');
    const read = await running.call('GET', `${SERVICE}/instances/script`);
    expect(read.body).toMatchObject({ metadata: { [script]: script } });
    expect(read.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(read.headers.get('x-content-type-options')).toBe('nosniff');
    expect(read.headers.get('content-security-policy')).toContain("default-src 'none'");
    const refused = await running.call('GET', `/${script}`);
    expect(JSON.stringify(refused.body)).not.toContain(script);
    const events = await readEvents(`${running.url}${SERVICE}/events`);
    expect(JSON.stringify((await events.next())?.data)).toContain('script');
    await events.close();
  });
});

describe('paths', () => {
  it('lead to nothing but routes', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/console/../package.json',
      '/console/..%2f..%2fpackage.json',
      '/console/%2e%2e/%2e%2e/package.json',
      '/%00',
      '/v1/namespaces/a%0d%0aSet-Cookie:x/services/b/instances',
      `/v1/namespaces/${'a'.repeat(2_000)}/services/b/instances`,
      `/v1/namespaces/${'a'.repeat(300)}/services/b/instances`,
      '/v1/namespaces/%/services/b/instances',
    ]) {
      const { status, body } = await rawRequest(running.url, { path });
      expect([400, 404], `${path}: ${body}`).toContain(status);
      expect(body).not.toMatch(/root:|"name": "@rollcall/);
    }
    await stillServes();
  });

  it('with dots for names stay within the service', async () => {
    for (const name of ['%2E', '%2E.', '..%2F..']) {
      const path = `/v1/namespaces/dots/services/${name}/instances/${name}`;
      const headers = { 'content-type': 'application/json', ...lease };
      const { status } = await rawRequest(running.url, {
        method: 'PUT',
        path,
        headers,
        body: JSON.stringify(INSTANCE),
      });
      expect(status, name).toBe(201);
    }
    const { body } = await running.call('GET', '/v1/namespaces/dots/services');
    expect(body).toEqual({ services: ['.', '..', '../..'] });
  });
});

describe('headers', () => {
  it('in a flood are refused, and the connection is closed', async () => {
    const { socket, ended } = await rawConnection(running.url);
    socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n`);
    for (let i = 0; i < 2_000 && socket.writable; i++) socket.write(`X-Flood-${i}: ${'x'.repeat(20)}\r\n`);
    expect(await ended).toMatch(/^HTTP\/1\.1 431 /);
    await stillServes();
  });

  it('that no server should believe lead to no answer', async () => {
    for (const text of [
      'GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n',
      'NONSENSE\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
    ]) {
      const { socket, ended } = await rawConnection(running.url);
      socket.write(text);
      expect(await ended, text).toMatch(/^HTTP\/1\.1 400 /);
    }
    await stillServes();
  });

  it('of a page of another origin are refused', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect((await running.call('POST', '/v1/leases', { body: { ttlMs: 1_000 }, headers })).status).toBe(
        403,
      );
    // A name that leads to this machine, in the hands of somebody else.
    const rebound = await rawRequest(running.url, {
      path: '/v1/namespaces',
      headers: { host: 'evil.example' },
    });
    expect(rebound.status).toBe(421);
  });
});

describe('slow clients', () => {
  it('that never finish their headers or their body are let go', async () => {
    const began = performance.now();
    const connections = await Promise.all(Array.from({ length: 50 }, () => rawConnection(running.url)));
    for (const [i, { socket }] of connections.entries()) {
      if (i % 3 === 0) socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
      if (i % 3 === 1)
        socket.write(
          `PUT ${SERVICE}/instances/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        );
    }
    await stillServes();
    const answers = await Promise.all(connections.map(({ ended }) => ended));
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const text of answers) expect(text === '' || text.startsWith('HTTP/1.1 408 '), text).toBe(true);
    await stillServes();
  });
});

describe('streams', () => {
  it('are capped for each principal, and free again when closed', async () => {
    const open: EventReader[] = [];
    for (let i = 0; i < 40; i++) {
      const events = await readEvents(`${running.url}${SERVICE}/events`);
      expect(events.status).toBe(200);
      open.push(events);
    }
    const refused = await running.call('GET', `${SERVICE}/events`);
    expect(refused).toMatchObject({ status: 429, body: { code: 'UNAVAILABLE' } });
    expect(refused.headers.get('retry-after')).not.toBeNull();
    await stillServes();
    await Promise.all(open.map((events) => events.close()));
    await expect
      .poll(async () => {
        const events = await readEvents(`${running.url}${SERVICE}/events`);
        await events.close();
        return events.status;
      })
      .toBe(200);
  });
});

describe('idle streams by the thousand', () => {
  it('are held up to the limit, cost no answer to others, and end with the gateway', async () => {
    const most = 2_000;
    const limits = {
      streams: most,
      streamsPerPrincipal: 10 * most,
      perAddress: false,
      perPrincipal: false,
    } as const;
    const crowded = await runGateway({ limits });
    const open = async () => {
      const { socket, ended } = await rawConnection(crowded.url);
      const head = new Promise<void>((resolve) => socket.once('data', () => resolve()));
      socket.write(`GET ${SERVICE}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await head;
      return { ended };
    };
    const opened: { readonly ended: Promise<string> }[] = [];
    while (opened.length < most) opened.push(...(await Promise.all(Array.from({ length: 200 }, open))));
    const refused = await crowded.call('GET', `${SERVICE}/events`);
    expect(refused).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect((await crowded.call('GET', '/metrics')).body).toContain(`rollcall_gateway_streams ${most}\n`);
    expect((await crowded.call('GET', `${SERVICE}/instances`)).status).toBe(200);
    await crowded.close();
    const said = await Promise.all(opened.map(({ ended }) => ended));
    expect(said.filter((text) => text.includes('event: end'))).toHaveLength(most);
  }, 60_000);
});

describe('more services than are followed', () => {
  it('are refused, and those that are followed are served', async () => {
    const small = await runGateway({ limits: { services: 3 } });
    const list = (name: string) => small.call('GET', `/v1/namespaces/default/services/${name}/instances`);
    for (const name of ['a', 'b', 'c']) expect((await list(name)).status).toBe(200);
    expect(await list('d')).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect((await list('a')).status).toBe(200);
    await small.close();
  });
});

describe('overrides of more instances than are remembered', () => {
  it('are forgotten from the oldest on, but for instances that are listed', async () => {
    const small = await runGateway({ limits: { overrides: 2 } });
    const { body } = await small.call('POST', '/v1/leases', { body: { ttlMs: 600_000 } });
    const headers = { 'rollcall-lease': (body as { id: string }).id };
    const register = (id: string) =>
      small.call('PUT', `${SERVICE}/instances/${id}`, { body: INSTANCE, headers });
    for (const id of ['stays', 'a', 'b', 'c']) {
      await register(id);
      await small.call('PUT', `${SERVICE}/instances/${id}/override`, { body: { weight: 0 } });
      if (id !== 'stays') await small.call('DELETE', `${SERVICE}/instances/${id}`);
    }
    const weightOf = async (id: string) => ((await register(id)).body as { weight: number }).weight;
    expect(await weightOf('stays')).toBe(0);
    expect(await weightOf('a')).toBe(1);
    expect(await weightOf('c')).toBe(0);
    await small.close();
  });
});

describe('a flood of requests', () => {
  it('is told to wait, and what is left', async () => {
    const small = await runGateway({ limits: { perPrincipal: { requests: 20, windowSeconds: 3 } } });
    const answers = await Promise.all(Array.from({ length: 30 }, () => small.call('GET', '/v1/namespaces')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(10);
    const headers = refused[0]?.headers;
    expect(Number(headers?.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(headers?.get('ratelimit')).toMatch(/^"principal";r=0;t=\d+$/);
    expect(headers?.get('ratelimit-policy')).toBe('"principal";q=20;w=3');
    await expect
      .poll(async () => (await small.call('GET', '/v1/namespaces')).status, {
        timeout: 10_000,
        interval: 500,
      })
      .toBe(200);
    await small.close();
  });

  it('of one address is refused before anything is known of it', async () => {
    const small = await runGateway({ limits: { perAddress: { requests: 5, windowSeconds: 60 } } });
    const answers = await Promise.all(Array.from({ length: 8 }, () => small.call('GET', '/livez')));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(3);
    await small.close();
  });

  it('counts by who is behind a proxy where that is trusted, and by nobody else’s word', async () => {
    const perAddress = { requests: 2, windowSeconds: 60 };
    const proxied = await runGateway({ limits: { perAddress }, trustedProxies: ['127.0.0.0/8', '10.1.0.9'] });
    const direct = await runGateway({ limits: { perAddress } });
    const ask = async (whom: RunningGateway, from: string) =>
      (await whom.call('GET', '/livez', { headers: { 'x-forwarded-for': from } })).status;
    for (const from of ['192.0.2.1', '192.0.2.2', '192.0.2.1, 10.1.0.9', '192.0.2.2'])
      expect(await ask(proxied, from)).toBe(200);
    // What stands before whom the proxies name is the caller’s own word.
    expect(await ask(proxied, '198.51.100.7, 192.0.2.1')).toBe(429);
    const answers = [];
    for (const n of [1, 2, 3]) answers.push(await ask(direct, `192.0.2.${n}`));
    expect(answers).toEqual([200, 200, 429]);
    await proxied.close();
    await direct.close();
  });

  it.each(['nonsense', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.0/8/8', '::1/129', ''])(
    'from a proxy that is none, %j, is a mistake at the start',
    async (range) => {
      await expect(runGateway({ trustedProxies: [range] })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        field: 'trustedProxies',
      });
    },
  );
});
