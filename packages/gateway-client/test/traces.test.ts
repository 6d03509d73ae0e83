import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { json, openAdapter, Scripted, soon } from './scripted-gateway.ts';

const SPAN = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };

describe('a request to the gateway', () => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    onTestFinished(() => {
      context.disable();
      propagation.disable();
    });
  });

  it('says in which trace it is made, and nothing where it is in none', async () => {
    const gateway = await Scripted.start((_asked, response) => json(response, { services: [] }));
    const adapter = await openAdapter({ urls: [gateway.url] });
    await adapter.listServices('default', soon());
    const within = trace.setSpanContext(context.active(), SPAN);
    await context.with(within, () => adapter.listServices('default', soon()));
    expect(gateway.asked.map(({ headers }) => headers['traceparent'])).toEqual([
      undefined,
      `00-${SPAN.traceId}-${SPAN.spanId}-01`,
    ]);
  });
});
