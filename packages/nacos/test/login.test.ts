import { once } from 'node:events';
import { createServer } from 'node:http';
import { HttpServers } from '@rollcall/core/network';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Login } from '../src/login.ts';

const signal = () => AbortSignal.timeout(5_000);

/** A server whose every answer to a login is the next of these; a path that it doesn't know is 404. */
async function loginAt(path: string, answers: readonly (readonly [number, string])[]) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let form = '';
    request.on('data', (chunk: Buffer) => (form += chunk.toString()));
    request.on('end', () => {
      if (request.url !== path) {
        response.writeHead(404).end();
        return;
      }
      const [status, text] = answers[seen.length] ?? [404, ''];
      seen.push(form);
      response.writeHead(status).end(text);
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const http = new HttpServers({ name: 'Nacos', servers: [`http://127.0.0.1:${port}/nacos`] });
  onTestFinished(() => http.close());
  return { seen, login: new Login(http, { username: 'me', password: 'a&b=c' }) };
}

const token = (text: string, tokenTtl = 18_000): readonly [number, string] => [
  200,
  JSON.stringify({ accessToken: text, tokenTtl }),
];

describe('a token', () => {
  it.each(['/nacos/v3/auth/user/login', '/nacos/v1/auth/login'])(
    'is had at %s, once for all',
    async (path) => {
      const { seen, login } = await loginAt(path, [token('one')]);
      expect(await Promise.all([login.token(signal()), login.token(signal())])).toEqual(['one', 'one']);
      expect(await login.token(signal())).toBe('one');
      expect(seen).toEqual(['username=me&password=a%26b%3Dc']);
    },
  );

  it('is had anew when it was refused, or is about to run out', async () => {
    const { login } = await loginAt('/nacos/v1/auth/login', [token('one'), token('two', 0), token('three')]);
    expect(await login.token(signal())).toBe('one');
    login.drop('another');
    expect(await login.token(signal())).toBe('one');
    login.drop('one');
    expect(await login.token(signal())).toBe('two');
    expect(await login.token(signal())).toBe('three');
  });

  it.each<[string, readonly [number, string], string]>([
    ['a refusal', [403, 'unknown user!'], 'UNAUTHENTICATED'],
    ['what Nacos 3 answers to a wrong password', [500, ''], 'UNAUTHENTICATED'],
    ['a server that is down', [503, ''], 'UNAVAILABLE'],
    ['no JSON', [200, '<html>'], 'PROTOCOL'],
    ['no token', [200, '{}'], 'PROTOCOL'],
    ['no such path', [404, ''], 'PROTOCOL'],
    ['something else', [302, ''], 'PROTOCOL'],
  ])('is not had by %s', async (_what, answer, code) => {
    const { login } = await loginAt('/nacos/v3/auth/user/login', [answer]);
    const error: unknown = await login.token(signal()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'RegistryError', code });
    expect(String(error)).not.toContain('a&b=c');
  });
});
