import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { type NativePolicy, renderPolicy, shellLines } from '../src/index.ts';
import { OPTIONS, POLICY } from './support/native-case.ts';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Runs the lines in bash, and gives what came of them at a server that answers 200 to everything. */
async function received(policy: NativePolicy): Promise<readonly Received[]> {
  const all: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { method, url, headers } = request;
      all.push({ method, url, headers, body });
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    ...process.env,
    CONSUL_HTTP_ADDR: address,
    CONSUL_HTTP_TOKEN: 'of the operator',
    NACOS_ADDR: address,
    NACOS_TOKEN: 'of the operator',
    PASSWORD_CART: 'a&b=c %d',
    PASSWORD_ALICE: 'x',
    PASSWORD_TEAM: 'y',
  };
  await promisify(execFile)('bash', ['-euc', shellLines(policy).join('\n')], { env, timeout: 50_000 });
  return all;
}

it('the lines for Consul send in bash what the steps say', async () => {
  const policy = renderPolicy(POLICY, 'consul', OPTIONS);
  const sent = await received(policy);
  expect(sent.map(({ method, url, body }) => [method, url, JSON.parse(body) as unknown])).toEqual(
    policy.steps.map((step) => (step.kind === 'request' ? [step.method, step.path, step.json] : [])),
  );
  for (const { headers } of sent)
    expect(headers).toMatchObject({
      'x-consul-token': 'of the operator',
      'content-type': 'application/json',
    });
});

it('the lines for Nacos too, with passwords from variables', async () => {
  const policy = renderPolicy(POLICY, 'nacos', OPTIONS);
  expect(shellLines(policy).join('\n')).not.toContain('a&b');
  const sent = await received(policy);
  const passwords = { cart: 'a&b=c %d', alice: 'x', team: 'y' };
  expect(
    sent.map(({ method, url, body }) => [method, url, Object.fromEntries(new URLSearchParams(body))]),
  ).toEqual(
    policy.steps.map((step) => {
      if (step.kind !== 'request') return [];
      const password = passwords[step.passwordOf as keyof typeof passwords];
      return [step.method, step.path, { ...step.form, ...(step.passwordOf !== undefined && { password }) }];
    }),
  );
  for (const { headers } of sent) expect(headers).toMatchObject({ accesstoken: 'of the operator' });
});
