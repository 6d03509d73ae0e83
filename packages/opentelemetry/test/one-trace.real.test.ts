import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startJaeger, type CollectedSpan, type RunningJaeger } from '@rollcall-tools/collector';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const PROGRAMS = join(import.meta.dirname, 'programs');
const START_MS = 30_000;

let jaeger: RunningJaeger;
beforeAll(async () => {
  jaeger = await startJaeger();
});
afterAll(() => jaeger?.stop());

describe('one request through gateway, caller and two services, read back from a real collector', () => {
  it('is one trace, in which each step is the child of the one before', { timeout: 120_000 }, async () => {
    const url = await started('gateway', { STORE: await folder() });
    const registry = { ROLLCALL_REGISTRY_TYPE: 'gateway', ROLLCALL_REGISTRY_OPTIONS_URLS: url };
    await started('user-service', registry);
    await started('order-service', registry);
    const port = await started('web', registry);

    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent } });
    expect(await answer.text()).toBe('order-service and user-service: order 7 is for Ada Lovelace');

    const spans = await jaeger.trace(traceId, 7);
    expect(tree(spans, '00f067aa0ba902b7')).toEqual([
      'web: SERVER GET /',
      '  web: CLIENT rollcall.listServices',
      '    gateway: SERVER GET /v1/namespaces/:namespace/services',
      '  web: CLIENT GET → order-service',
      '    order-service: SERVER GET /orders/{id}',
      '      order-service: CLIENT test.Users/Names → user-service',
      '        user-service: SERVER test.Users/Names',
    ]);
    expect(spans.filter(({ isError }) => isError)).toEqual([]);
    const call = spans.find(({ name }) => name === 'GET');
    expect(call?.attributes).toMatchObject({
      'url.full': 'http://order-service/orders/7',
      'server.address': 'order-service',
      'network.peer.address': '127.0.0.1',
      'rollcall.instance.id': 'order-1',
      'http.response.status_code': 200,
    });
    const stream = spans.find(({ name, kind }) => name === 'test.Users/Names' && kind === 'CLIENT');
    expect(stream?.attributes).toMatchObject({
      'rpc.status_code': 'OK',
      'network.peer.address': '127.0.0.1',
      'rollcall.rpc.messages.received': 2,
    });
  });
});

/** A folder that is gone after the test. */
async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rollcall-trace-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Starts a program, which ends with the test. Resolves with what it tells first: that it is listed, or where it serves. */
async function started(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = fork(join(PROGRAMS, `${name}.ts`), {
    execArgv: ['--conditions=@rollcall/source', '--import', 'tsx'],
    env: { ...process.env, ROLLCALL_LOG_LEVEL: 'warn', TRACES: jaeger.tracesEndpoint, ...env },
  });
  onTestFinished(async () => {
    const gone = once(child, 'exit');
    if (child.kill('SIGKILL')) await gone;
  });
  const signal = AbortSignal.timeout(START_MS);
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${name} ended with ${String(code)} before it told anything`);
  });
  const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [string];
  return message;
}

/** The spans below a span, one line each, in the order in which they began. */
function tree(spans: readonly CollectedSpan[], parent: string, indent = ''): readonly string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .flatMap(({ process, kind, name, spanId, attributes }) => {
      const to = kind === 'CLIENT' ? attributes['server.address'] : undefined;
      const line = `${indent}${process}: ${kind} ${name}${to === undefined ? '' : ` → ${to}`}`;
      return [line, ...tree(spans, spanId, `${indent}  `)];
    });
}
