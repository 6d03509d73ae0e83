import { Metadata, status } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Registry } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { tracedCalls } from '../src/grpc/index.ts';
import { echoClient, serveEcho } from './grpc-stage.ts';
import { startRegistry, startTracing } from './stage.ts';

describe('a traced gRPC call', () => {
  it('has a CLIENT span that says what was called, of whom, and how it ended', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    const { port } = await serveEcho(registry);
    expect(await say(registry)).toBe('hello');
    const [span, ...others] = finished();
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      name: 'test.Echo/Say',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(span?.attributes).toEqual({
      'rpc.system.name': 'grpc',
      'rpc.method': 'test.Echo/Say',
      'rpc.status_code': 'OK',
      'server.address': 'user-service',
      'rollcall.service': 'user-service',
      'network.peer.address': '127.0.0.1',
      'network.peer.port': port,
    });
  });

  it('is the child of the span that is active, and sends its own id to the server', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serveEcho(registry, {
      say: ({ metadata }, answer) => answer(null, String(metadata.get('traceparent')[0])),
    });
    const came = await trace.getTracer('test').startActiveSpan('parent', async (span) => {
      const text = await say(registry);
      span.end();
      return text;
    });
    const [call, parent] = finished();
    const ids = call?.spanContext();
    expect(came).toBe(`00-${ids?.traceId}-${ids?.spanId}-01`);
    expect(call?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  });

  it('to a service of another namespace names both as they are, not as the target writes them', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry({
      config: { log: { level: 'silent' }, access: { namespaces: { staging: { mode: 'open' } } } },
    });
    await serveEcho(registry, {}, { namespace: 'staging', service: 'user/service' });
    await say(registry, 'rollcall://staging/user%2Fservice');
    expect(finished()[0]?.attributes).toMatchObject({
      'server.address': 'user/service',
      'rollcall.service': 'user/service',
      'rollcall.namespace': 'staging',
    });
  });

  it('that fails says by which status', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serveEcho(registry, {
      say: (_call, answer) => answer({ code: status.NOT_FOUND, details: 'no such user' }),
    });
    await expect(say(registry)).rejects.toThrow('no such user');
    expect(finished()).toMatchObject([
      {
        status: { code: SpanStatusCode.ERROR, message: 'no such user' },
        attributes: { 'rpc.status_code': 'NOT_FOUND', 'error.type': 'NOT_FOUND' },
      },
    ]);
  });

  it('that had no instance to go to has no peer', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await expect(say(registry)).rejects.toThrow('user-service');
    const [span] = finished();
    expect(span?.attributes).toMatchObject({ 'error.type': 'UNAVAILABLE', 'server.address': 'user-service' });
    expect(span?.attributes).not.toHaveProperty('network.peer.address');
  });
});

/** Calls a service by a traced client. */
function say(registry: Registry, target?: string): Promise<string> {
  const client = echoClient(registry, [tracedCalls()], target);
  return new Promise((resolve, reject) => {
    client.say('hello', new Metadata(), (error, text) => (error ? reject(error) : resolve(text ?? '')));
  });
}
