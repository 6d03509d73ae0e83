import { optionConformance } from '@rollcall/conformance';
import { describe, expect, it } from 'vitest';
import { consulAdapter } from '../src/index.ts';
import { consulOptions } from '../src/options.ts';

const TTL_CHECK = {
  type: 'ttl',
  path: '/health',
  intervalMs: 10_000,
  timeoutMs: 2_000,
  removeAfterMs: 60_000,
};

describe('without options', () => {
  it('a local agent is meant, without a token, in Rollcall’s own layout, with TTL checks', () => {
    expect(consulOptions.parse({})).toEqual({
      addresses: ['http://127.0.0.1:8500'],
      layout: 'rollcall',
      check: TTL_CHECK,
    });
    expect(consulAdapter().capabilities).toMatchObject({
      liveness: 'lease',
      namespaces: true,
      anyName: true,
    });
  });

  it('a probe keeps a critical entry for ten minutes, and the adapter says so', () => {
    expect(consulOptions.parse({ check: { type: 'http' } }).check).toEqual({
      ...TTL_CHECK,
      type: 'http',
      removeAfterMs: 600_000,
    });
    expect(consulAdapter({ check: { type: 'tcp' }, layout: 'kratos' }).capabilities).toMatchObject({
      liveness: 'probe',
      crashSlackMs: 675_000,
      namespaces: false,
      anyName: false,
    });
  });
});

const secret = 'hunter2';

optionConformance(
  { describe, it },
  {
    create: (options) => consulAdapter(options),
    secret,
    wrong: [
      ['an unknown key', { hosts: ['consul:8500'] }, 'hosts'],
      ['no address', { addresses: [] }, 'addresses'],
      ['an address without a scheme', { addresses: ['consul:8500'] }, 'registry.options.addresses[0]'],
      ['an address without a port', { addresses: ['http://consul'] }, 'registry.options.addresses[0]'],
      [
        'credentials in an address',
        { addresses: [`http://a:${secret}@consul:8500`] },
        'registry.options.addresses[0]',
      ],
      ['http beside https', { addresses: ['http://a:8500', 'https://b:8501'] }, 'addresses'],
      ['TLS for http', { tls: {} }, 'tls'],
      ['two tokens', { token: secret, tokenFile: '/run/token' }, 'tokenFile'],
      ['an empty token', { token: '' }, 'token'],
      ['an unknown layout', { layout: 'nomad' }, 'layout'],
      ['an unknown check', { check: { type: 'udp' } }, 'check.type'],
      ['a probe path that is none', { check: { type: 'http', path: 'health' } }, 'check.path'],
      ['a removal that Consul won’t do', { check: { removeAfterMs: 59_999 } }, 'check.removeAfterMs'],
      ['an interval that Consul won’t keep', { check: { intervalMs: 999 } }, 'check.intervalMs'],
    ],
  },
);
