import { optionConformance } from '@rollcall/conformance';
import { describe, expect, it } from 'vitest';
import { gatewayAdapter } from '../src/index.ts';
import { gatewayOptions } from '../src/options.ts';

describe('without options', () => {
  it('a local gateway is meant, without a token', () => {
    expect(gatewayOptions.parse({})).toEqual({ urls: ['http://127.0.0.1:7070'], propagationMs: 1_000 });
  });
});

describe('how slow the registry behind the gateways is said to be', () => {
  it('is what the adapter says of how soon a change is seen', () => {
    expect(gatewayAdapter({ propagationMs: 34_000 }).capabilities).toMatchObject({ propagationMs: 34_000 });
  });
});

const secret = 'hunter2';

optionConformance(
  { describe, it },
  {
    create: (options) => gatewayAdapter(options),
    secret,
    wrong: [
      ['an unknown key', { servers: ['http://gateway:7070'] }, 'servers'],
      ['no gateway', { urls: [] }, 'urls'],
      ['a gateway without scheme', { urls: ['gateway:7070'] }, 'registry.options.urls[0]'],
      ['a gateway with a query', { urls: ['http://gateway:7070?a'] }, 'registry.options.urls[0]'],
      ['credentials in a URL', { urls: [`http://root:${secret}@gateway:7070`] }, 'registry.options.urls[0]'],
      ['http and https', { urls: ['http://a:7070', 'https://b:7070'] }, 'urls'],
      ['a token of two lines', { token: `${secret}\n${secret}` }, 'token'],
      ['an empty token', { token: '' }, 'token'],
      ['two tokens', { token: secret, tokenFile: '/run/token' }, 'tokenFile'],
      ['tls without https', { tls: { ca: 'ca.pem' } }, 'tls'],
      ['a certificate without key', { urls: ['https://a:7070'], tls: { cert: 'cert.pem' } }, 'cert and key'],
      ['a time that is none', { propagationMs: -1 }, 'propagationMs'],
    ],
  },
);
