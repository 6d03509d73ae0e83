import { optionConformance } from '@rollcall/conformance';
import { describe, expect, it } from 'vitest';
import { eurekaAdapter } from '../src/index.ts';
import { eurekaOptions } from '../src/options.ts';

describe('without options', () => {
  it('a local Eureka with its own defaults is meant, without a user, in Rollcall’s own layout', () => {
    expect(eurekaOptions.parse({})).toEqual({
      servers: ['http://127.0.0.1:8761/eureka'],
      layout: 'rollcall',
      pollIntervalMs: 3_000,
      responseCacheMs: 30_000,
      evictionIntervalMs: 60_000,
    });
  });
});

describe('what the servers are said to be set to', () => {
  it('is what the adapter says of how soon it sees', () => {
    expect(eurekaAdapter().capabilities).toMatchObject({ propagationMs: 33_500, crashSlackMs: 61_000 });
    const times = { pollIntervalMs: 200, responseCacheMs: 0, evictionIntervalMs: 1_000 };
    expect(eurekaAdapter(times).capabilities).toMatchObject({ propagationMs: 700, crashSlackMs: 2_000 });
  });
});

const secret = 'hunter2';

optionConformance(
  { describe, it },
  {
    create: (options) => eurekaAdapter(options),
    secret,
    wrong: [
      ['an unknown key', { endpoints: ['http://eureka:8761/eureka'] }, 'endpoints'],
      ['no server', { servers: [] }, 'servers'],
      ['a server without scheme', { servers: ['eureka:8761/eureka'] }, 'registry.options.servers[0]'],
      ['a server with a query', { servers: ['http://eureka:8761/eureka?a'] }, 'registry.options.servers[0]'],
      [
        'credentials in a server',
        { servers: [`http://root:${secret}@eureka:8761/eureka`] },
        'registry.options.servers[0]',
      ],
      ['a password without user', { password: secret }, 'username'],
      ['a user without password', { username: 'root' }, 'password'],
      ['a user with a colon', { username: `root:${secret}`, password: 'x' }, 'username'],
      ['tls without https', { tls: { ca: 'ca.pem' } }, 'tls'],
      ['an unknown layout', { layout: 'netflix' }, 'layout'],
      ['a poll without pause', { pollIntervalMs: 0 }, 'pollIntervalMs'],
      ['a poll that misses changes', { pollIntervalMs: 90_000 }, 'pollIntervalMs'],
      ['a time that is none', { responseCacheMs: -1 }, 'responseCacheMs'],
    ],
  },
);
