import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Interceptor,
  makeGenericClientConstructor,
  type Metadata,
  type requestCallback,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import type { InstanceSpec, Registry } from '@rollcall/core';
import { registerRollcall } from '@rollcall/grpc';
import { onTestFinished } from 'vitest';
import { list } from './stage.ts';

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  };
}

const Echo = {
  say: method('Say', false, false),
  collect: method('Collect', true, false),
  count: method('Count', false, true),
  talk: method('Talk', true, true),
};

export interface EchoHandlers {
  readonly say?: handleUnaryCall<string, string>;
  /** Answers with what it heard. */
  readonly collect?: handleClientStreamingCall<string, string>;
  /** Sends as many messages as it was asked for. */
  readonly count?: handleServerStreamingCall<string, string>;
  /** Sends back each message. */
  readonly talk?: handleBidiStreamingCall<string, string>;
}

const handlers = {
  say: (_call, answer) => answer(null, 'hello'),
  collect: (stream, answer) => {
    const heard: string[] = [];
    stream.on('data', (text: string) => heard.push(text));
    stream.on('end', () => answer(null, heard.join(' ')));
  },
  count: (stream) => {
    for (let i = 1; i <= Number(stream.request); i++) stream.write(String(i));
    stream.end();
  },
  talk: (stream) => {
    stream.on('data', (text: string) => stream.write(text));
    stream.on('end', () => stream.end());
  },
} satisfies EchoHandlers;

/** A real server, listed as `user-service`. It ends with the test. */
export async function serveEcho(
  registry: Registry,
  own: EchoHandlers = {},
  more: Partial<InstanceSpec> = {},
): Promise<{ readonly port: number; readonly kill: () => void }> {
  const server = new Server();
  server.addService(Echo, { ...handlers, ...own });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  await list(registry, 'a', port, more);
  return { port, kill: () => server.forceShutdown() };
}

export interface EchoClient extends Client {
  say(text: string, metadata: Metadata, answered: requestCallback<string>): ClientUnaryCall;
  collect(options: { deadline?: number }, answered: requestCallback<string>): ClientWritableStream<string>;
  count(text: string, options?: { deadline?: number }): ClientReadableStream<string>;
  talk(options?: { deadline?: number }): ClientDuplexStream<string, string>;
}

/** A client of `user-service`, or of another target. It ends with the test. */
export function echoClient(
  registry: Registry,
  interceptors: readonly Interceptor[],
  target = 'rollcall:///user-service',
): EchoClient {
  onTestFinished(registerRollcall(registry));
  const Client = makeGenericClientConstructor(Echo, 'Echo');
  const client = new Client(target, credentials.createInsecure(), { interceptors: [...interceptors] });
  onTestFinished(() => client.close());
  return client as unknown as EchoClient;
}
