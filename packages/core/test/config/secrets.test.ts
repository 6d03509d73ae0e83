import { describe, expect, it } from 'vitest';
import { describeValue, hideSecrets, hideUrlCredentials, isSecretPath } from '../../src/config/secrets.ts';

describe('a secret key', () => {
  it.each([
    'password',
    'dbPassword',
    'accessKey',
    'secret_key',
    'authToken',
    'tls.key',
    'privateKey',
    'credentials.user',
    'apikey',
  ])('%s', (key) => {
    expect(isSecretPath(key.split('.'))).toBe(true);
  });

  it.each(['keyPrefix', 'namespace', 'endpoints', 'monkeys', 'passive', 'tokenizer'])('not %s', (key) => {
    expect(isSecretPath([key])).toBe(false);
  });

  it('has its value described by type alone', () => {
    expect(describeValue(['password'], 'hunter2')).toBe('a string');
    expect(describeValue(['name'], 'hunter2')).toBe('"hunter2"');
  });
});

describe('a message of others', () => {
  it('loses the credentials of the value that it is about', () => {
    const options = { auth: { username: 'me', password: 'hunter2' }, tokens: [], token: ['t1'] };
    expect(hideSecrets('bad login me/hunter2 with t1', options)).toBe('bad login ***/*** with ***');
  });

  it.each([
    ['connect http://me:hunter2@host:1/x failed', 'connect http://***@host:1/x failed'],
    ['at "redis://:hunter2@h"', 'at "redis://***@h"'],
    ['me:hunter2@h:1', '***@h:1'],
    ['http://h/?a=1&access_token=hunter2&b=2', 'http://h/?a=1&access_token=***&b=2'],
    ['http://u:hun/ter2@h', 'http://***@h'],
    ['http://host:1/path', 'http://host:1/path'],
    ['12:30 me@home', '12:30 me@home'],
  ])('%s', (message, shown) => {
    expect(hideUrlCredentials(message)).toBe(shown);
  });
});
