import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { traceIds, withTraceIds } from '../src/index.ts';
import { startRegistry, startTracing } from './stage.ts';

describe('the ids of a trace', () => {
  it('are those of the span that is active', () => {
    startTracing();
    trace.getTracer('test').startActiveSpan('here', (span) => {
      const { traceId, spanId } = span.spanContext();
      expect(traceIds()).toEqual({ trace_id: traceId, span_id: spanId, trace_flags: '01' });
      span.end();
    });
  });

  it('are nothing where there is no span, and spread to nothing', () => {
    startTracing();
    expect(traceIds()).toBeUndefined();
    expect({ message: 'hello', ...traceIds() }).toEqual({ message: 'hello' });
  });

  it('go with the registry’s events that happen within a span', async () => {
    startTracing();
    const { registry } = await startRegistry();
    const events: unknown[] = [];
    registry.on(({ type }) => events.push({ type, ...traceIds() }));
    registry.register({ service: 'user-service', port: 1 });
    trace.getTracer('test').startActiveSpan('here', (span) => {
      registry.register({ service: 'order-service', port: 2 });
      span.end();
      const { traceId, spanId } = span.spanContext();
      const ids = { trace_id: traceId, span_id: spanId, trace_flags: '01' };
      expect(events).toEqual([{ type: 'advertise' }, { type: 'advertise', ...ids }]);
    });
  });

  it('stand at the end of the registry’s log lines that are written within a span', async () => {
    startTracing();
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const logger = withTraceIds({ error: write, warn: write, info: write, debug: write });
    const { registry } = await startRegistry({ logger, config: { log: { level: 'info' } } });
    registry.register({ service: 'user-service', port: 1 });
    expect(lines.at(-1)).toMatch(/^advertises .*[^\d]$/u);
    trace.getTracer('test').startActiveSpan('here', (span) => {
      registry.register({ service: 'order-service', port: 2 });
      const { traceId, spanId } = span.spanContext();
      expect(lines.at(-1)).toContain(` trace_id=${traceId} span_id=${spanId}`);
      span.end();
    });
  });
});
