import { optionConformance } from '@rollcall/conformance';
import { describe, expect, it } from 'vitest';
import { nacosAdapter } from '../src/index.ts';
import { namespaceIdOf } from '../src/namespace-id.ts';
import { nacosOptions } from '../src/options.ts';
import { grpcAddress, httpBase } from '../src/server-address.ts';

describe('without options', () => {
  it('a local Nacos is meant, without a user, in Rollcall’s own layout', () => {
    expect(nacosOptions.parse({})).toEqual({
      servers: ['http://127.0.0.1:8848'],
      transport: 'auto',
      group: 'DEFAULT_GROUP',
      cluster: 'DEFAULT',
      ephemeral: true,
      namespaces: {},
      layout: 'rollcall',
    });
  });
});

const secret = 'hunter2';

optionConformance(
  { describe, it },
  {
    create: (options) => nacosAdapter(options),
    secret,
    wrong: [
      ['an unknown key', { server: 'http://nacos:8848' }, 'server'],
      ['no server', { servers: [] }, 'servers'],
      ['a server without scheme', { servers: ['nacos:8848'] }, 'registry.options.servers[0]'],
      ['a server without port', { servers: ['http://nacos'] }, 'registry.options.servers[0]'],
      [
        'credentials in a server',
        { servers: [`http://root:${secret}@nacos:8848`] },
        'registry.options.servers[0]',
      ],
      ['http and https', { servers: ['http://a:8848', 'https://b:8848'] }, 'servers'],
      ['tls for http', { tls: {} }, 'tls'],
      ['a password without user', { password: secret }, 'username'],
      ['a user without password', { username: 'root' }, 'password'],
      ['an unknown transport', { transport: 'udp' }, 'transport'],
      ['an unknown layout', { layout: 'dubbo' }, 'layout'],
      ['a group with a space', { group: 'my group' }, 'group'],
      ['a cluster with a dot', { cluster: 'eu.west' }, 'cluster'],
      ['an id that Nacos does not take', { namespaces: { default: 'a b' } }, 'namespaces.default'],
      ['two names for one namespace', { namespaces: { default: 'x', other: 'x' } }, 'namespaces'],
    ],
  },
);

describe('a namespace', () => {
  it('has its name for id, but default is public, and what the options say comes first', () => {
    expect(namespaceIdOf('default', {})).toBe('public');
    expect(namespaceIdOf('team-a', {})).toBe('team-a');
    expect(namespaceIdOf('default', { default: 'dev' })).toBe('dev');
  });

  it('whose name can’t be an id, or is that of another, has one of its own', () => {
    const hashed = ['public', 'a b', 'a/b', 'x'.repeat(65), '__proto__/', namespaceIdOf('a b', {})];
    const ids = hashed.map((name) => namespaceIdOf(name, {}));
    for (const id of ids) expect(id).toMatch(/^rollcall-[\w-]{43}$/u);
    expect(new Set(ids).size).toBe(hashed.length);
    expect(namespaceIdOf('dev', { default: 'dev' })).toMatch(/^rollcall-/u);
    expect(namespaceIdOf('constructor', {})).toBe('constructor');
  });
});

describe('a server', () => {
  it.each([
    ['http://10.0.0.5:8848', '10.0.0.5:9848', 'http://10.0.0.5:8848/nacos'],
    ['https://nacos:443', 'nacos:1443', 'https://nacos/nacos'],
    ['http://[2001:db8::7]:8848/', '[2001:db8::7]:9848', 'http://[2001:db8::7]:8848/nacos'],
    ['http://nacos:80/registry/', 'nacos:1080', 'http://nacos/registry'],
  ])('%s speaks gRPC at %s and HTTP at %s', (server, grpc, http) => {
    expect(grpcAddress(server)).toBe(grpc);
    expect(httpBase(server)).toBe(http);
  });
});
