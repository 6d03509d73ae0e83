import type { RequestListener } from 'node:http';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { request } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import { traced } from '../src/index.ts';
import { deadPort, fetchFor, list, serve, startRegistry, startTracing } from './stage.ts';

const URL = 'http://user-service/users/42?full=yes';

describe('a traced call', () => {
  it('has a CLIENT span that says what was asked, of whom, and what came', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    const port = await serve(registry, 'a', (_request, response) => response.end('hello'), { zone: 'eu-1a' });
    expect(await (await fetchFor(registry, traced())(URL)).text()).toBe('hello');
    const [span, ...others] = finished();
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      name: 'GET',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(span?.instrumentationScope.name).toBe('@rollcall/opentelemetry');
    expect(span?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': port,
      'server.address': 'user-service',
      'server.port': 80,
      'url.full': URL,
      'rollcall.attempt.kind': 'first',
      'rollcall.instance.id': 'a',
      'rollcall.instance.zone': 'eu-1a',
      'rollcall.namespace': 'default',
      'rollcall.service': 'user-service',
    });
  });

  it('is the child of the span that is active where it is made', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.end());
    const fetch = fetchFor(registry, traced());
    await trace.getTracer('test').startActiveSpan('parent', async (span) => {
      await (await fetch(URL)).text();
      span.end();
    });
    const [call, parent] = finished();
    expect(call?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  });

  it('sends its own id to the server, in place of a header that the caller has', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (incoming, response) => response.end(incoming.headers['traceparent']));
    const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' };
    const came = await (await fetchFor(registry, traced())(URL, { headers })).text();
    const ids = finished()[0]?.spanContext();
    expect(came).toBe(`00-${ids?.traceId}-${ids?.spanId}-01`);
  });

  it('that is tried again has a span for each try, with how often it was sent before', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    let count = 0;
    const answer: RequestListener = (_request, response) => response.writeHead(++count > 1 ? 200 : 503).end();
    await serve(registry, 'a', answer);
    await serve(registry, 'b', answer);
    const fetch = fetchFor(registry, traced());
    await trace.getTracer('test').startActiveSpan('parent', async (span) => {
      await (await fetch(URL)).text();
      span.end();
    });
    const tries = finished().filter(({ kind }) => kind === SpanKind.CLIENT);
    const parent = finished().find(({ name }) => name === 'parent');
    expect(tries.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      Array.from({ length: 2 }, () => parent?.spanContext().spanId),
    );
    const byKind = new Map(tries.map((span) => [span.attributes['rollcall.attempt.kind'], span]));
    expect(byKind.get('first')).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'http.response.status_code': 503, 'error.type': '503' },
    });
    expect(byKind.get('first')?.attributes).not.toHaveProperty('http.request.resend_count');
    expect(byKind.get('retry')).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'http.response.status_code': 200, 'http.request.resend_count': 1 },
    });
    expect(new Set(tries.map(({ attributes }) => attributes['rollcall.instance.id']))).toEqual(
      new Set(['a', 'b']),
    );
  });

  it('says which of two tries was called off, and doesn’t call that an error', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    let isFirst = true;
    const answer: RequestListener = (_request, response) => {
      if (!isFirst) response.end('quick');
      isFirst = false;
    };
    await serve(registry, 'a', answer);
    await serve(registry, 'b', answer);
    await (await fetchFor(registry, traced({ hedge: { afterMs: 20 } }))(URL)).text();
    const [slow, quick] = finished();
    expect(slow).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'rollcall.attempt.kind': 'first', 'rollcall.attempt.cancelled': true },
    });
    expect(quick?.attributes).toMatchObject({ 'rollcall.attempt.kind': 'hedge' });
  });

  it('that no server answered says why', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await list(registry, 'a', await deadPort());
    await expect(fetchFor(registry, traced({ retry: false }))(URL)).rejects.toThrow('user-service');
    expect(finished()).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'ECONNREFUSED' } },
    ]);
  });

  it('that was never sent has a span that says why', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await expect(fetchFor(registry, traced())(URL)).rejects.toThrow('nobody is listed');
    const [span] = finished();
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'user-service: nobody is listed' },
      attributes: { 'error.type': 'NO_INSTANCE', 'url.full': URL },
    });
    expect(span?.attributes).not.toHaveProperty('network.peer.address');
  });

  it('that takes too long, or that its caller gives up, says that', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    const came = vi.fn<() => void>();
    await serve(registry, 'a', () => came());
    await expect(fetchFor(registry, traced({ timeoutMs: 30 }))(URL)).rejects.toThrow('no answer');
    const patience = new AbortController();
    const call = fetchFor(registry, traced())(URL, { signal: patience.signal });
    await vi.waitFor(() => expect(came).toHaveBeenCalledTimes(2));
    patience.abort();
    await expect(call).rejects.toThrow('aborted');
    expect(finished().map(({ attributes }) => attributes['error.type'])).toEqual([
      'DEADLINE_EXCEEDED',
      'AbortError',
    ]);
  });

  it('shows no credentials: none of the URL, and no signature', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.end());
    const { dispatcher } = fetchFor(registry, traced());
    const { body } = await request('http://me:secret@user-service/file?sig=secret&part=2', { dispatcher });
    await body.text();
    expect(finished()[0]?.attributes['url.full']).toBe('http://user-service/file?sig=REDACTED&part=2');
    expect(JSON.stringify(finished()[0]?.attributes)).not.toContain('secret');
  });

  it('leaves out the values of other query parameters where it is told to', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.end());
    const fetch = fetchFor(registry, traced({}, { sensitiveQueryParameters: ['token'] }));
    await (await fetch('http://user-service/?token=secret&sig=1')).text();
    expect(finished()[0]?.attributes['url.full']).toBe('http://user-service/?token=REDACTED&sig=1');
  });

  it('by a method that nobody knows makes no name of it', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.end());
    await (await fetchFor(registry, traced())(URL, { method: 'PROPFIND' })).text();
    expect(finished()).toMatchObject([
      {
        name: 'HTTP',
        attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' },
      },
    ]);
  });

  it('leaves the options as they are, and an observer of one’s own in place', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (incoming, response) => response.end(incoming.headers['x-mine']));
    const mine = {
      timeoutMs: 5_000,
      observer: () => ({ onAttempt: () => ({ headers: { 'x-mine': 'yes' } }) }),
    };
    expect(traced(mine)).toMatchObject({ timeoutMs: 5_000 });
    expect(await (await fetchFor(registry, traced(mine))(URL)).text()).toBe('yes');
    expect(finished()).toHaveLength(1);
  });

  it('without an SDK is made as any other, until one is started', async () => {
    const { registry } = await startRegistry();
    await serve(registry, 'a', (incoming, response) => response.end(String(incoming.headers['traceparent'])));
    const options = traced();
    const asked = { service: 'a', origin: 'http://a', method: 'GET', path: '/', headers: {} };
    expect(options.observer?.(asked)).toBeUndefined();
    const fetch = fetchFor(registry, options);
    expect(await (await fetch(URL)).text()).toBe('undefined');
    const { finished } = startTracing();
    expect(await (await fetch(URL)).text()).toMatch(/^00-/);
    expect(finished()).toHaveLength(1);
    trace.disable();
    expect(await (await fetch(URL)).text()).toBe('undefined');
  });
});

describe('one request through two services', () => {
  it('is one trace: each step is the child of the one before', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    const fetch = fetchFor(registry, traced());
    const orders = served('order-service', async () => (await fetch('http://user-service/users/42')).text());
    const users = served('user-service', async () => 'Ada');
    await serve(registry, 'order-1', orders, { service: 'order-service' });
    await serve(registry, 'user-1', users, { service: 'user-service' });

    const answer = await trace.getTracer('test').startActiveSpan('caller', async (span) => {
      const text = await (await fetch('http://order-service/orders/7')).text();
      span.end();
      return text;
    });

    expect(answer).toBe('Ada');
    await vi.waitFor(() => expect(finished()).toHaveLength(5));
    const traces = new Set(finished().map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(1);
    expect(wayThrough(finished())).toEqual([
      'caller',
      'GET order-service',
      'order-service serves /orders/7',
      'GET user-service',
      'user-service serves /users/42',
    ]);
  });
});

/** A service of a program that takes the trace from its headers, as OpenTelemetry's own instrumentation of servers does. */
function served(name: string, answer: () => Promise<string>): RequestListener {
  return (incoming, response) => {
    const parent = propagation.extract(context.active(), incoming.headers);
    const options = { kind: SpanKind.SERVER };
    trace.getTracer('test').startActiveSpan(`${name} serves ${incoming.url}`, options, parent, (span) => {
      const reply = async () => {
        response.end(await answer());
        span.end();
      };
      reply().catch(() => response.destroy());
    });
  };
}

/** From the span without a parent to the last child. */
function wayThrough(spans: readonly ReadableSpan[]): string[] {
  const way: string[] = [];
  let parent: string | undefined;
  for (;;) {
    const next = spans.find(({ parentSpanContext }) => parentSpanContext?.spanId === parent);
    if (!next) return way;
    const { 'server.address': service } = next.attributes;
    way.push(service === undefined ? next.name : `${next.name} ${String(service)}`);
    parent = next.spanContext().spanId;
  }
}
