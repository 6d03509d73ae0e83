import { afterAll, beforeAll, expect, it } from 'vitest';
import { rawRequest } from './support/raw-request.ts';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

let running: RunningGateway;
beforeAll(async () => {
  running = await runGateway();
});
afterAll(() => running.close());

it('the console is served where it is installed, under a policy that lets nothing else run', async () => {
  expect(running.gateway.hasConsole).toBe(true);
  const page = await running.call('GET', '/console/');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  const etag = page.headers.get('etag') ?? '';
  expect((await running.call('GET', '/console/', { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await running.call('GET', '/')).headers.get('location')).toBe('/console/');
});

it('nothing but its own files is served', async () => {
  for (const path of [
    '/console/../package.json',
    '/console/..%2fpackage.json',
    '/console/nothing.js',
    '/console/__proto__',
  ])
    expect((await rawRequest(running.url, { path })).status, path).toBe(404);
});
