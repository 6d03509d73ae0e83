import { optionConformance } from '@rollcall/conformance';
import { describe, expect, it } from 'vitest';
import { etcdAdapter } from '../src/index.ts';
import { etcdOptions } from '../src/options.ts';

describe('without options', () => {
  it('a local etcd is meant, without a user, in Rollcall’s own layout', () => {
    expect(etcdOptions.parse({})).toEqual({
      endpoints: ['http://127.0.0.1:2379'],
      layout: 'rollcall',
      prefix: '/rollcall',
    });
  });

  it.each([
    ['kratos', '/microservices'],
    ['grpc-naming', ''],
    ['go-zero', ''],
    ['kitex', 'kitex/registry-etcd'],
  ] as const)('the prefix of %s is %j', (layout, prefix) => {
    expect(etcdOptions.parse({ layout })).toMatchObject({ prefix });
    expect(etcdOptions.parse({ layout, prefix: '/mine' })).toMatchObject({ prefix: '/mine' });
  });
});

const secret = 'hunter2';
const https = 'https://etcd:2379';

optionConformance(
  { describe, it },
  {
    create: (options) => etcdAdapter(options),
    secret,
    wrong: [
      ['an unknown key', { endpoint: 'http://etcd:2379' }, 'endpoint'],
      ['no endpoint', { endpoints: [] }, 'endpoints'],
      ['an endpoint without scheme', { endpoints: ['etcd:2379'] }, 'registry.options.endpoints[0]'],
      ['an endpoint of another scheme', { endpoints: ['ftp://etcd:2379'] }, 'registry.options.endpoints[0]'],
      ['an endpoint without port', { endpoints: ['http://etcd'] }, 'registry.options.endpoints[0]'],
      ['an endpoint with a path', { endpoints: ['http://etcd:2379/v3'] }, 'registry.options.endpoints[0]'],
      [
        'credentials in an endpoint',
        { endpoints: [`http://root:${secret}@etcd:2379`] },
        'registry.options.endpoints[0]',
      ],
      [
        'credentials in what is hardly a URL',
        { endpoints: [`http://ro/ot:${secret}@etcd:2379`] },
        'registry.options.endpoints[0]',
      ],
      ['http beside https', { endpoints: ['http://a:1', 'https://b:1'] }, 'endpoints'],
      ['tls with http', { tls: { ca: 'ca.pem' } }, 'tls'],
      ['a certificate without key', { endpoints: [https], tls: { cert: 'cert.pem' } }, 'cert and key'],
      ['a password without user', { password: secret }, 'username'],
      ['a user without password', { username: 'root' }, 'password'],
      ['a prefix that ends in a slash', { prefix: '/rollcall/' }, 'prefix'],
      ['an unknown layout', { layout: 'curator' }, 'layout'],
    ],
  },
);

describe('capabilities', () => {
  it('depend on the layout', () => {
    expect(etcdAdapter().capabilities).toMatchObject({ liveness: 'lease', namespaces: true, anyName: true });
    expect(etcdAdapter({ layout: 'go-zero' }).capabilities).toMatchObject({
      fields: [],
      namespaces: false,
      anyName: false,
    });
    expect(etcdAdapter({ layout: 'kratos' }).capabilities.fields).toContain('weight');
  });
});
