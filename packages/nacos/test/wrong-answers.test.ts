import { type handleBidiStreamingCall, type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nacosAdapter } from '../src/index.ts';
import { type Body, type Payload, payload, stream, unary } from '../src/payload.ts';

type Answer = (body: Body) => Payload;

const json = (type: string, body: Body): Payload => payload(type, body);
const text = (value: string): Payload => ({ metadata: { type: 'X' }, body: { value: Buffer.from(value) } });
const good = (more: Body = {}) => json('Response', { resultCode: 200, errorCode: 0, ...more });

/** A gRPC server that greets as Nacos does, and answers as a test wants. */
async function impostor(answer: Answer, greeting: Answer = () => good({ supportAbilityNegotiation: true })) {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const onRequest: handleUnaryCall<Payload, Payload> = ({ request }, reply) => {
    const body = JSON.parse(request.body?.value.toString() ?? '') as Body;
    const type = request.metadata?.type;
    if (type === 'ServerCheckRequest') reply(null, greeting(body));
    else reply(null, type === 'HealthCheckRequest' ? good() : answer(body));
  };
  const onStream: handleBidiStreamingCall<Payload, Payload> = (call) => {
    call.on('data', ({ metadata }: Payload) => {
      if (metadata?.type === 'ConnectionSetupRequest')
        call.write(json('SetupAckRequest', { requestId: '1' }));
    });
    call.on('end', () => call.end());
  };
  server.addService({ request: unary }, { request: onRequest });
  server.addService({ requestBiStream: stream }, { requestBiStream: onStream });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  onTestFinished(() => server.forceShutdown());
  const adapter = nacosAdapter({ servers: [`http://127.0.0.1:${port - 1_000}`], transport: 'grpc' });
  onTestFinished(() => adapter.close());
  return adapter;
}

const soon = (ms = 5_000) => ({ signal: AbortSignal.timeout(ms) });
const key = { namespace: 'default', service: 'orders' };

describe('an answer that can’t be', () => {
  it.each<[string, Payload]>([
    ['is no JSON', text('<html>')],
    ['is cut short', text('{"resultCode":200,"serviceInfo":{"hosts":[')],
    ['is empty', { metadata: null, body: null }],
    ['is a list', text('[]')],
    ['has no result', json('X', {})],
    ['has no list', good()],
    ['has a list that is none', good({ serviceInfo: { hosts: 'none' } })],
    ['has no list at all', good({ serviceInfo: null })],
    ['is larger than is taken', good({ serviceInfo: { hosts: ['x'.repeat(65 * 1024 * 1024)] } })],
  ])('one that %s is a PROTOCOL error, and no empty list', async (_what, answer) => {
    const adapter = await impostor(() => answer);
    await adapter.open(soon().signal);
    const error: unknown = await adapter.discover(key, soon(10_000)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'RegistryError', code: 'PROTOCOL' });
    const watch = adapter.watch?.(key, soon(10_000))[Symbol.asyncIterator]();
    await expect(watch?.next()).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('of 50 MB is read', { timeout: 30_000 }, async () => {
    const host = { ip: '10.0.0.7', port: 1, metadata: { x: 'x'.repeat(60_000) } };
    const hosts = Array.from({ length: 850 }, (_, i) => ({ ...host, port: 1 + i }));
    const adapter = await impostor(() => good({ serviceInfo: { hosts } }));
    await adapter.open(soon().signal);
    expect((await adapter.discover(key, soon(20_000))).instances).toHaveLength(850);
  });

  it.each([
    [300, 'UNAVAILABLE'],
    [301, 'LEASE_LOST'],
    [302, 'UNSUPPORTED'],
    [400, 'INVALID_ARGUMENT'],
    [403, 'UNAUTHENTICATED'],
    [500, 'UNAVAILABLE'],
    [502, 'PROTOCOL'],
  ])('the code %s is %s', async (errorCode, code) => {
    const adapter = await impostor(() =>
      json('ErrorResponse', { resultCode: 500, errorCode, message: 'no' }),
    );
    await adapter.open(soon().signal);
    await expect(adapter.discover(key, soon())).rejects.toMatchObject({ code });
  });

  it('to the greeting is an error of open', async () => {
    const adapter = await impostor(
      () => good(),
      () => text('no'),
    );
    await expect(adapter.open(soon().signal)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('that Nacos doesn’t know the connection makes readers use a new one', async () => {
    let asked = 0;
    const adapter = await impostor(() =>
      ++asked === 1
        ? json('ErrorResponse', { resultCode: 500, errorCode: 301, message: 'unregistered' })
        : good({ serviceInfo: { hosts: [] } }),
    );
    await adapter.open(soon().signal);
    expect((await adapter.discover(key, soon())).instances).toEqual([]);
    expect(asked).toBe(2);
  });
});
