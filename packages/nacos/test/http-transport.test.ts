import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { defineInstance, type RegistryErrorCode } from '@rollcall/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nacosAdapter, type NacosOptions } from '../src/index.ts';

type Answer = readonly [status: number, text: string];

/** What a Nacos answers that has nothing. */
const EMPTY: Readonly<Record<string, Answer>> = {
  'GET /nacos/v1/ns/service/list': [200, '{"count":0,"doms":[]}'],
  'GET /nacos/v1/ns/instance/list': [200, '{"hosts":[]}'],
  'POST /nacos/v1/ns/instance': [200, 'ok'],
  'DELETE /nacos/v1/ns/instance': [200, 'ok'],
  'PUT /nacos/v1/ns/instance/beat': [200, '{"code":10200,"clientBeatInterval":5000}'],
  'POST /nacos/v3/auth/user/login': [200, '{"accessToken":"the-token","tokenTtl":18000}'],
};

/** A server that answers so, what it was asked, and an open adapter that speaks with it by HTTP. */
async function serverWith(answers: Readonly<Record<string, Answer>> = {}, options: NacosOptions = {}) {
  const all = { ...EMPTY, ...answers };
  const asked: { readonly line: string; readonly query: object; readonly request: IncomingMessage }[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const line = `${request.method} ${pathname}`;
    asked.push({ line, query: Object.fromEntries(searchParams), request });
    const [status, text] = all[line] ?? [404, 'no such path'];
    response.writeHead(status).end(text);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const adapter = nacosAdapter({ servers: [`http://127.0.0.1:${port}`], transport: 'http', ...options });
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  asked.length = 0;
  return { adapter, asked };
}

const soon = () => ({ signal: AbortSignal.timeout(5_000) });
const key = { namespace: 'blue', service: 'orders', id: 'a' };
const instance = defineInstance({ ...key, host: '10.0.0.7', port: 8080, weight: 3, metadata: { team: 'x' } });

describe('what is asked by HTTP', () => {
  it('is each once, and says all that it needs', async () => {
    const { adapter, asked } = await serverWith();
    const lease = await adapter.register(instance, { ttlMs: 6_000, ...soon() });
    await lease.renew?.(soon());
    await adapter.discover(key, soon());
    await adapter.deregister(key, soon());
    await adapter.listServices('blue', soon());
    const place = { ip: '10.0.0.7', port: '8080', clusterName: 'DEFAULT', ephemeral: 'true' };
    const name = { namespaceId: 'blue', serviceName: 'DEFAULT_GROUP@@orders' };
    expect(asked.map(({ line, query }) => [line, query])).toEqual([
      [
        'POST /nacos/v1/ns/instance',
        {
          ...name,
          ...place,
          groupName: 'DEFAULT_GROUP',
          weight: '3',
          enable: 'true',
          healthy: 'true',
          metadata: expect.stringContaining('"team":"x"') as string,
        },
      ],
      // With `beat` Nacos would take it for a registration, and so bring back who has left.
      ['PUT /nacos/v1/ns/instance/beat', { ...name, ...place }],
      [
        'GET /nacos/v1/ns/instance/list',
        // It is polled: to push, Nacos would be told a port.
        { ...name, clusters: '', healthyOnly: 'false', udpPort: '0', clientIP: expect.any(String) as string },
      ],
      ['DELETE /nacos/v1/ns/instance', { ...name, ...place }],
      [
        'GET /nacos/v1/ns/service/list',
        { namespaceId: 'blue', groupName: 'DEFAULT_GROUP', pageNo: '1', pageSize: '500' },
      ],
    ]);
  });

  it('has the token in a header, and neither user nor password in a URL', async () => {
    const { adapter, asked } = await serverWith({}, { username: 'rose', password: 'se-cret' });
    await adapter.register(instance, { ttlMs: 6_000, ...soon() });
    await adapter.discover(key, soon());
    expect(asked.map(({ request }) => request.headers.authorization)).toEqual([
      'Bearer the-token',
      'Bearer the-token',
    ]);
    expect(asked.map(({ request }) => request.url).join()).not.toMatch(/rose|cret|token/u);
  });

  it('is not signed with keys of a cloud that the environment has', async () => {
    process.env['ALIBABA_CLOUD_ACCESS_KEY_ID'] = 'cloud-key';
    process.env['ALIBABA_CLOUD_ACCESS_KEY_SECRET'] = 'cloud-secret';
    onTestFinished(() => {
      delete process.env['ALIBABA_CLOUD_ACCESS_KEY_ID'];
      delete process.env['ALIBABA_CLOUD_ACCESS_KEY_SECRET'];
    });
    const { adapter, asked } = await serverWith();
    await adapter.discover(key, soon());
    expect(asked[0]?.request.url).not.toContain('cloud');
  });
});

describe('what is answered by HTTP', () => {
  const LIST = 'GET /nacos/v1/ns/instance/list';
  it.each<[string, Answer, RegistryErrorCode]>([
    ['is no JSON', [200, '<html>'], 'PROTOCOL'],
    ['is null', [200, 'null'], 'PROTOCOL'],
    ['has no list', [200, '{}'], 'PROTOCOL'],
    ['has a list that is none', [200, '{"hosts":"none"}'], 'PROTOCOL'],
    ['is empty', [200, ''], 'PROTOCOL'],
    ['is “not changed”, which says nothing', [304, ''], 'PROTOCOL'],
    ['is of a server that starts', [503, 'server is STARTING now'], 'UNAVAILABLE'],
    ['is a refusal', [403, '{"message":"unknown user"}'], 'UNAUTHENTICATED'],
    ['is another path', [404, 'no'], 'PROTOCOL'],
    ['is that the request is wrong', [400, 'caused: illegal'], 'INVALID_ARGUMENT'],
  ])('and %s is an error after one try, and no empty list', async (_what, answer, code) => {
    const { adapter, asked } = await serverWith({ [LIST]: answer });
    await expect(adapter.discover(key, soon())).rejects.toMatchObject({ name: 'RegistryError', code });
    expect(asked.map(({ line }) => line)).toEqual([LIST]);
  });

  it.each<[string, Answer]>([
    ['is no JSON', [200, '<html>']],
    ['is null', [200, 'null']],
    ['has no list', [200, '{"doms":"none"}']],
  ])('to what proves that Nacos is there, and %s is an error', async (_what, answer) => {
    await expect(serverWith({ 'GET /nacos/v1/ns/service/list': answer })).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(/^connect to Nacos/u) as string,
    });
  });

  it.each<[string, Answer, RegistryErrorCode]>([
    ['does not know the instance', [200, '{"code":20404}'], 'LEASE_LOST'],
    ['is no JSON', [200, 'ok'], 'PROTOCOL'],
    ['fails', [500, 'caused: NullPointerException'], 'UNAVAILABLE'],
  ])('to a beat, and %s is told', async (_what, answer, code) => {
    const { adapter } = await serverWith({ 'PUT /nacos/v1/ns/instance/beat': answer });
    const lease = await adapter.register(instance, { ttlMs: 6_000, ...soon() });
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ name: 'RegistryError', code });
  });
});
