import {
  credentials,
  type handleUnaryCall,
  makeGenericClientConstructor,
  Metadata,
  type requestCallback,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Registry } from '@rollcall/core';
import { registerRollcall } from '@rollcall/grpc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tracedCalls } from '../src/grpc/index.ts';
import { list, startRegistry, startTracing } from './stage.ts';

describe('a traced gRPC call', () => {
  it('has a CLIENT span that says what was called, of whom, and how it ended', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    const port = await serveEcho(registry, (_call, answer) => answer(null, 'hello'));
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
    await serveEcho(registry, ({ metadata }, answer) => answer(null, String(metadata.get('traceparent')[0])));
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

  it('that fails says by which status', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serveEcho(registry, (_call, answer) => answer({ code: status.NOT_FOUND, details: 'no such user' }));
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

const Echo = {
  say: {
    path: '/test.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  },
} as const;

/** A real server, listed. It ends with the test. */
async function serveEcho(registry: Registry, answer: handleUnaryCall<string, string>): Promise<number> {
  const server = new Server();
  server.addService(Echo, { say: answer });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  await list(registry, 'a', port);
  return port;
}

/** Calls `user-service` by a traced client. */
async function say(registry: Registry): Promise<string> {
  onTestFinished(registerRollcall(registry));
  const Client = makeGenericClientConstructor(Echo, 'Echo');
  const client = new Client('rollcall:///user-service', credentials.createInsecure(), {
    interceptors: [tracedCalls()],
  });
  onTestFinished(() => client.close());
  return new Promise((resolve, reject) => {
    const answered: requestCallback<string> = (error, text) => (error ? reject(error) : resolve(text ?? ''));
    client.makeUnaryRequest(
      Echo.say.path,
      Echo.say.requestSerialize,
      Echo.say.responseDeserialize,
      'hello',
      new Metadata(),
      answered,
    );
  });
}
