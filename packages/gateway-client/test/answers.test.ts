import type { ServerResponse } from 'node:http';
import { RegistryError } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { gatewayAdapter } from '../src/index.ts';
import { begin, instance, json, keyOf, openAdapter, problem, Scripted, soon } from './scripted-gateway.ts';

const ask = async (script: (response: ServerResponse) => void, token?: string) => {
  const gateway = await Scripted.start((_asked, response) => script(response));
  const adapter = await openAdapter({ urls: [gateway.url], ...(token !== undefined && { token }) });
  return adapter.discover(keyOf('a'), soon());
};
const failing = async (...how: Parameters<typeof ask>) => {
  const error: unknown = await ask(...how).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
};

describe('a list', () => {
  it('is read as it was written, whole or without what its place says already', async () => {
    const whole = instance('a', '1', { weight: 5, tags: ['x'], metadata: { k: 'v' } });
    const list = await ask((response) =>
      json(response, {
        instances: [whole, { id: '2', host: '10.0.0.8', port: 1 }],
        skipped: [{ key: 'a/3', reason: 'is not JSON' }],
        revision: '17',
        ageMs: 3,
      }),
    );
    expect(list).toEqual({
      instances: [whole, instance('a', '2', { host: '10.0.0.8', port: 1 })],
      skipped: [{ key: 'a/3', reason: 'is not JSON' }],
      revision: '17',
    });
    expect(list.instances.every((each) => Object.isFrozen(each))).toBe(true);
  });

  it('is not failed by an entry that can’t be read, or is of another service', async () => {
    const { instances, skipped } = await ask((response) =>
      json(response, {
        instances: [
          instance('a', '1'),
          null,
          'text',
          { id: '2', host: 'h' },
          { host: 'h', port: 1 },
          instance('b', '3'),
          instance('a', '4', { namespace: 'blue' }),
        ],
        skipped: [],
      }),
    );
    expect(instances).toEqual([instance('a', '1')]);
    expect(skipped.map(({ key }) => key)).toEqual(['a/#1', 'a/#2', 'a/2', 'a/#4', 'a/3', 'a/4']);
  });
});

describe('what isn’t a gateway', () => {
  it.each<[string, (response: ServerResponse) => void, string]>([
    ['text', (response) => response.end('hello'), 'PROTOCOL'],
    ['nothing', (response) => response.end(), 'PROTOCOL'],
    [
      'an HTML page',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'),
      'PROTOCOL',
    ],
    ['JSON cut short', (response) => response.end('{"instances":[{"id":'), 'PROTOCOL'],
    ['other JSON', (response) => response.end('[]'), 'PROTOCOL'],
    ['a way to elsewhere', (response) => response.writeHead(302, { location: '/login' }).end(), 'PROTOCOL'],
    ['that it has no such page', (response) => response.writeHead(404).end('no'), 'PROTOCOL'],
    [
      'less than it says',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"instances"');
        setTimeout(() => response.destroy(), 20);
      },
      'UNAVAILABLE',
    ],
  ])('but answers %s, is an error that says so, and never an empty list', async (_what, answer, code) => {
    const gateway = await Scripted.start((_asked, response) => answer(response));
    const adapter = await openAdapter({ urls: [gateway.url] });
    for (const call of [
      () => adapter.discover(keyOf('a'), soon()),
      () => adapter.listServices('default', soon()),
      () => adapter.register(instance('a', '1'), { ttlMs: 10_000, ...soon() }),
      () => adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]().next(),
      () => adapter.watchServices('default', soon())[Symbol.asyncIterator]().next(),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).toMatchObject({ retryable: true });
      expect(String(error).length).toBeLessThan(700);
    }
    await expect(adapter.discover(keyOf('a'), soon())).rejects.toMatchObject({ code });
  });

  it.each([50, 65])(
    'but answers %i MiB, is an error that is short',
    async (mebibytes) => {
      const error = await failing((response) => response.end('x'.repeat(mebibytes * 1024 * 1024)));
      expect(error.code).toBe('PROTOCOL');
      expect(String(error).length).toBeLessThan(500);
    },
    20_000,
  );

  it('isn’t opened', async () => {
    const stranger = await Scripted.start();
    stranger.play = (_asked, response) => response.end('<html>');
    const adapter = gatewayAdapter({ urls: [stranger.url] });
    await expect(adapter.open(soon().signal)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(`${stranger.url}.*is it a Rollcall gateway\\? check urls`) as string,
    });
    await adapter.close();
  });

  it('is left for one that is', async () => {
    const stranger = await Scripted.start();
    stranger.play = (_asked, response) => response.end('<html>');
    const gateway = await Scripted.start((_asked, response) => json(response, { services: ['a'] }));
    const adapter = gatewayAdapter({ urls: [stranger.url, gateway.url] });
    await adapter.open(soon().signal);
    expect(await adapter.listServices('default', soon())).toEqual(['a']);
    await adapter.close();
  });
});

describe('a refusal is told by the problem’s code', () => {
  it.each([
    ['INVALID_ARGUMENT', 400, false],
    ['LEASE_LOST', 404, true],
    ['PERMISSION_DENIED', 403, true],
    ['UNAUTHENTICATED', 401, true],
    ['UNAVAILABLE', 429, true],
    ['UNSUPPORTED', 501, false],
    ['DEADLINE_EXCEEDED', 408, true],
  ] as const)('%s', async (code, status, retryable) => {
    const error = await failing((response) =>
      problem(response, status, { code, detail: 'because of that', field: 'weight' }),
    );
    expect(error).toMatchObject({ code, retryable, field: 'weight' });
    expect(error.message).toContain('because of that');
  });

  it('where the code means the same on this side', async () => {
    for (const code of ['CLOSED', 'ABORTED', 'INVALID_CONFIG', 'NONESUCH', 7]) {
      const error = await failing((response) => problem(response, 403, { code, detail: 'no' }));
      expect(error.code).toBe('PERMISSION_DENIED');
    }
  });
});

describe('a refusal without a code is told by its status', () => {
  it.each([
    [400, 'INVALID_ARGUMENT', ''],
    [401, 'UNAUTHENTICATED', 'check token or tokenFile'],
    [403, 'PERMISSION_DENIED', 'policy'],
    [404, 'PROTOCOL', 'check urls'],
    [405, 'PROTOCOL', 'check urls'],
    [408, 'UNAVAILABLE', ''],
    [409, 'UNAVAILABLE', ''],
    [412, 'UNAVAILABLE', ''],
    [413, 'INVALID_ARGUMENT', 'smaller'],
    [429, 'UNAVAILABLE', 'too often'],
    [500, 'UNAVAILABLE', 'answered 500'],
    [501, 'UNSUPPORTED', ''],
    [502, 'UNAVAILABLE', 'answered 502'],
    [503, 'UNAVAILABLE', 'answered 503'],
  ])('%i: %s', async (status, code, advice) => {
    const plain = await failing((response) => response.writeHead(status).end('plain text'));
    expect(plain.code).toBe(code);
    expect(plain.message).toContain(advice);
    const told = await failing((response) => problem(response, status, { detail: 'the reason' }));
    expect(told.code).toBe(code);
    expect(told.message).toContain('the reason');
  });
});

describe('a token', () => {
  const token = 'rck_ci_c2VjcmV0';

  it('goes with each request, and with a stream', async () => {
    const seen = new Set<string | undefined>();
    const gateway = await Scripted.start(({ headers, path }, response) => {
      seen.add(headers.authorization);
      if (path.endsWith('/events')) begin(response);
      else json(response, { instances: [], skipped: [], services: [] });
      if (path.endsWith('/events')) response.end();
    });
    const adapter = await openAdapter({ urls: [gateway.url], token });
    await adapter.discover(keyOf('a'), soon());
    const watch = adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]();
    await watch.next().catch(() => {});
    expect([...seen]).toEqual([`Bearer ${token}`]);
    expect(gateway.asked).toHaveLength(2);
  });

  it('is in no message, even where the server repeats it', async () => {
    for (const answer of [
      (response: ServerResponse) => problem(response, 401, { detail: `Bearer ${token} is unknown` }),
      (response: ServerResponse) => response.writeHead(401).end(`who is ${token}?`),
      (response: ServerResponse) => problem(response, 503, { detail: `${token} comes at a bad time` }),
      (response: ServerResponse) => response.writeHead(500).end(token),
    ]) {
      const error = await failing(answer, token);
      expect(String(error)).not.toContain(token);
      expect(JSON.stringify(error.cause ?? '')).not.toContain(token);
      expect(String(error)).toContain('***');
    }
  });
});

describe('a name', () => {
  it('stands in the path in one piece, whatever it is', async () => {
    const gateway = await Scripted.start((_asked, response) =>
      json(response, { instances: [], skipped: [] }),
    );
    const adapter = await openAdapter({ urls: [`${gateway.url}/base/`] });
    gateway.asked.length = 0;
    for (const service of ['a/b', '.', '..', '%2F', 'a?b#c', 'ü'])
      await adapter.discover({ namespace: '..', service }, soon());
    expect(gateway.lines).toEqual(
      ['a%2Fb', '%2E', '%2E.', '%252F', 'a%3Fb%23c', '%C3%BC'].map(
        (name) => `GET /base/v1/namespaces/%2E./services/${name}/instances`,
      ),
    );
  });
});

describe('an operator’s change', () => {
  it('is made in place, and kept by the gateway', async () => {
    const gateway = await Scripted.start((_asked, response) => json(response, instance('a', '1')));
    const adapter = await openAdapter({ urls: [gateway.url] });
    await adapter.override(instance('a', '1'), { status: 'OUT_OF_SERVICE' }, soon());
    expect(gateway.asked).toMatchObject([
      {
        method: 'PUT',
        path: '/v1/namespaces/default/services/a/instances/1/override',
        body: '{"status":"OUT_OF_SERVICE"}',
      },
    ]);
    expect(adapter.capabilities.keepsOverrides).toBe(true);
  });

  it('of what isn’t listed is refused by its id', async () => {
    const gateway = await Scripted.start((_asked, response) =>
      problem(response, 404, { code: 'INVALID_ARGUMENT', field: 'id', detail: '1 is not listed' }),
    );
    const adapter = await openAdapter({ urls: [gateway.url] });
    await expect(adapter.override(instance('a', '1'), { weight: 3 }, soon())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'id',
    });
  });
});
