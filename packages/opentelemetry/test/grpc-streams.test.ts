import { once } from 'node:events';
import { type ClientReadableStream, status, type StatusObject } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { measuredCalls, tracedCalls } from '../src/grpc/index.ts';
import { type EchoClient, echoClient, type EchoHandlers, serveEcho } from './grpc-stage.ts';
import { startMetrics, startRegistry, startTracing } from './stage.ts';

describe('the span of a gRPC stream', () => {
  it('of the client counts what was sent, and ends with the answer', async () => {
    const { client, finished } = await traced();
    expect(await collected(client, 'a', 'b', 'c')).toBe('a b c');
    expect(finished()).toMatchObject([
      {
        name: 'test.Echo/Collect',
        kind: SpanKind.CLIENT,
        status: { code: SpanStatusCode.UNSET },
        attributes: {
          'rpc.status_code': 'OK',
          'rollcall.rpc.messages.sent': 3,
          'rollcall.rpc.messages.received': 1,
          'network.peer.address': '127.0.0.1',
        },
      },
    ]);
  });

  it('of the server counts what came, and ends after the last', async () => {
    const { client, finished } = await traced();
    const stream = client.count('5');
    const { heard, ended } = heardFrom(stream);
    await once(stream, 'data');
    expect(finished()).toEqual([]);
    expect(await ended).toMatchObject({ code: status.OK });
    expect(heard).toEqual(['1', '2', '3', '4', '5']);
    expect(finished()).toMatchObject([
      {
        name: 'test.Echo/Count',
        attributes: {
          'rpc.status_code': 'OK',
          'rollcall.rpc.messages.sent': 1,
          'rollcall.rpc.messages.received': 5,
        },
      },
    ]);
  });

  it('of both counts each way, and lasts as long as the stream', async () => {
    const { client, finished } = await traced();
    const stream = client.talk();
    const { heard, ended } = heardFrom(stream);
    stream.write('a');
    await vi.waitFor(() => expect(heard).toEqual(['a']));
    stream.write('b');
    await vi.waitFor(() => expect(heard).toEqual(['a', 'b']));
    expect(finished()).toEqual([]);
    stream.end();
    await ended;
    expect(finished()).toMatchObject([
      {
        name: 'test.Echo/Talk',
        status: { code: SpanStatusCode.UNSET },
        attributes: { 'rollcall.rpc.messages.sent': 2, 'rollcall.rpc.messages.received': 2 },
        // The conventions have none for messages.
        events: [],
      },
    ]);
  });

  it('says that the server broke it off, and how far it had come', async () => {
    const { client, finished } = await traced({
      count: (stream) => {
        stream.write('1');
        stream.emit('error', { code: status.DATA_LOSS, details: 'no more' });
      },
    });
    expect(await heardFrom(client.count('5')).ended).toMatchObject({ code: status.DATA_LOSS });
    expect(finished()).toMatchObject([
      {
        status: { code: SpanStatusCode.ERROR, message: 'no more' },
        attributes: {
          'rpc.status_code': 'DATA_LOSS',
          'error.type': 'DATA_LOSS',
          'rollcall.rpc.messages.received': 1,
        },
      },
    ]);
  });

  it('counts no answer where a client’s stream got none', async () => {
    const { client, finished } = await traced({
      collect: (stream, answer) => {
        stream.once('data', () => answer({ code: status.INVALID_ARGUMENT, details: 'not that' }));
      },
    });
    await expect(collected(client, 'a')).rejects.toThrow('not that');
    expect(finished()[0]?.attributes).toMatchObject({
      'error.type': 'INVALID_ARGUMENT',
      'rollcall.rpc.messages.sent': 1,
      'rollcall.rpc.messages.received': 0,
    });
  });

  it('ends when the stream is cancelled, though its server would go on', async () => {
    const { client, finished } = await traced();
    const stream = client.talk();
    const { heard, ended } = heardFrom(stream);
    stream.write('a');
    await vi.waitFor(() => expect(heard).toEqual(['a']));
    stream.cancel();
    expect(await ended).toMatchObject({ code: status.CANCELLED });
    expect(finished()).toMatchObject([
      {
        status: { code: SpanStatusCode.ERROR },
        attributes: {
          'rpc.status_code': 'CANCELLED',
          'error.type': 'CANCELLED',
          'rollcall.rpc.messages.sent': 1,
          'rollcall.rpc.messages.received': 1,
        },
      },
    ]);
  });

  it('ends at the deadline of the call', async () => {
    const { client, finished } = await traced({ count: (stream) => void stream.write('1') });
    const { ended } = heardFrom(client.count('5', { deadline: Date.now() + 200 }));
    expect(await ended).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(finished()).toMatchObject([
      {
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'error.type': 'DEADLINE_EXCEEDED', 'network.peer.address': '127.0.0.1' },
      },
    ]);
  });

  it('ends when the server goes', async () => {
    const { client, kill, finished } = await traced();
    const stream = client.talk();
    const { heard, ended } = heardFrom(stream);
    stream.write('a');
    await vi.waitFor(() => expect(heard).toEqual(['a']));
    kill();
    const { code } = await ended;
    expect(code).not.toBe(status.OK);
    expect(finished()).toMatchObject([{ attributes: { 'rpc.status_code': status[code] } }]);
  });

  it('is the child of the span that is active where the stream begins', async () => {
    const { client, finished } = await traced();
    await trace.getTracer('test').startActiveSpan('parent', async (span) => {
      await heardFrom(client.count('2')).ended;
      span.end();
    });
    const [call, parent] = finished();
    expect(call?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  });
});

describe('measured gRPC calls', () => {
  it('are timed, by method, service and status', async () => {
    const { client, collect } = await measured();
    await collected(client, 'a', 'b');
    await heardFrom(client.count('3')).ended;
    await expect(collected(client, 'refuse')).rejects.toThrow('no');
    const call = (method: string, outcome: string) =>
      `${outcome} rpc.system.name=grpc server.address=user-service`.replace(
        'METHOD',
        `rpc.method=test.Echo/${method}`,
      );
    expect((await collect())['rpc.client.call.duration']).toEqual({
      [call('Collect', 'METHOD rpc.status_code=OK')]: 1,
      [call('Count', 'METHOD rpc.status_code=OK')]: 1,
      [call('Collect', 'error.type=ABORTED METHOD rpc.status_code=ABORTED')]: 1,
    });
  });

  it('count the messages of streams as they come, and the streams that are open', async () => {
    const { client, collect } = await measured();
    const stream = client.talk();
    const { heard, ended } = heardFrom(stream);
    stream.write('a');
    stream.write('b');
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    const talk = 'rpc.method=test.Echo/Talk rpc.system.name=grpc server.address=user-service';
    const open = await collect();
    expect(open['rollcall.rpc.streams']).toEqual({ [talk]: 1 });
    expect(open['rollcall.rpc.messages']).toEqual({
      [`rollcall.rpc.message.direction=sent ${talk}`]: 2,
      [`rollcall.rpc.message.direction=received ${talk}`]: 2,
    });
    expect(open).not.toHaveProperty('rpc.client.call.duration');
    stream.cancel();
    await ended;
    const over = await collect();
    expect(over['rollcall.rpc.streams']).toEqual({ [talk]: 0 });
    expect(Object.keys(over['rpc.client.call.duration'] ?? {})).toEqual([
      `error.type=CANCELLED rpc.method=test.Echo/Talk rpc.status_code=CANCELLED rpc.system.name=grpc server.address=user-service`,
    ]);
  });

  it('name so many services and no more', async () => {
    const { client, collect } = await measured(0);
    await heardFrom(client.count('1')).ended;
    expect(JSON.stringify(await collect())).toContain('server.address=other');
    expect(JSON.stringify(await collect())).not.toContain('user-service');
    expect(() => measuredCalls({ maxServices: 0.5 })).toThrow('maxServices');
  });

  it('are traced as well, in the same client', async () => {
    const { finished } = startTracing();
    const { client, collect } = await measured(undefined, true);
    await heardFrom(client.count('3')).ended;
    expect(finished()[0]?.attributes).toMatchObject({ 'rollcall.rpc.messages.received': 3 });
    expect(await collect()).toHaveProperty('rpc.client.call.duration');
  });
});

async function traced(handlers?: EchoHandlers) {
  const { finished } = startTracing();
  const { registry } = await startRegistry();
  const { kill } = await serveEcho(registry, handlers);
  return { client: echoClient(registry, [tracedCalls()]), kill, finished };
}

async function measured(maxServices?: number, isTraced = false) {
  const { meter, collect } = startMetrics();
  const { registry } = await startRegistry();
  await serveEcho(registry, {
    collect: (stream, answer) => {
      const heard: string[] = [];
      stream.on('data', (text: string) => heard.push(text));
      stream.on('end', () =>
        heard.includes('refuse')
          ? answer({ code: status.ABORTED, details: 'no' })
          : answer(null, heard.join(' ')),
      );
    },
  });
  const interceptor = measuredCalls({ meter, ...(maxServices !== undefined && { maxServices }) });
  return { client: echoClient(registry, [...(isTraced ? [tracedCalls()] : []), interceptor]), collect };
}

function collected(client: EchoClient, ...texts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = client.collect({}, (error, text) => (error ? reject(error) : resolve(text ?? '')));
    for (const text of texts) stream.write(text);
    stream.end();
  });
}

/** What comes of a stream, until it ends. */
function heardFrom(stream: Pick<ClientReadableStream<string>, 'on' | 'cancel'>): {
  readonly heard: readonly string[];
  readonly ended: Promise<StatusObject>;
} {
  const heard: string[] = [];
  stream.on('data', (text: string) => heard.push(text));
  stream.on('error', () => {}); // its status says it
  onTestFinished(() => stream.cancel());
  return { heard, ended: new Promise((resolve) => void stream.on('status', resolve)) };
}
