import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientReadableStream,
} from '@grpc/grpc-js';
import {
  type BackoffOptions,
  type Clock,
  fullJitter,
  type Random,
  RegistryError,
  type ServiceInstance,
  sleep,
} from '@rollcall/core';
import { formatAddress } from '@rollcall/core/dialects';
import type { HealthCheckResponse } from './health-service.ts';

export interface KeepUpOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Between two attempts to connect. */
  readonly backoff: BackoffOptions;
  /** The first connections of a long list are spread over so many milliseconds. */
  readonly spreadMs: number;
  /** One stream, until it breaks; that is what it rejects with. */
  readonly listen: (onAnswer: () => void) => Promise<never>;
  readonly onBroken: (error: Error) => void;
}

/** Begins a stream again whenever it has broken, until `stopped` aborts. */
export async function keepUp(stopped: AbortSignal, options: KeepUpOptions): Promise<never> {
  const { clock, random, backoff, spreadMs, listen, onBroken } = options;
  await sleep(clock, random() * spreadMs, stopped);
  for (let attempt = 0; ; attempt++) {
    let answers = 0;
    // oxlint-disable-next-line no-await-in-loop -- the next stream when this one has ended
    await listen(() => answers++).catch((error: unknown) => {
      if (!stopped.aborted) onBroken(error instanceof Error ? error : new Error(String(error)));
    });
    if (answers > 0) attempt = 0;
    // oxlint-disable-next-line no-await-in-loop
    await sleep(clock, fullJitter(attempt, backoff, random), stopped);
  }
}

export interface StreamOptions<Stream> {
  readonly instance: ServiceInstance;
  readonly credentials: ChannelCredentials;
  readonly channel?: ChannelOptions;
  readonly stopped: AbortSignal;
  readonly open: (client: Client) => Stream;
  readonly onAnswer: (answer: HealthCheckResponse) => void;
  /** What is done with it. `ended` aborts when it breaks, with the reason. */
  readonly use: (stream: Stream, ended: AbortSignal) => Promise<never>;
}

/** One stream over a connection of its own, which ends with it. */
export async function onStream<Stream extends ClientReadableStream<HealthCheckResponse>>(
  options: StreamOptions<Stream>,
): Promise<never> {
  const { instance, credentials, channel, stopped, open, onAnswer, use } = options;
  // Without a pool of its own, clients of one address would share a connection, and what happened to it.
  const client = new Client(formatAddress(instance), credentials, {
    'grpc.use_local_subchannel_pool': 1,
    ...channel,
  });
  const stream = open(client);
  const ended = new AbortController();
  const onStop = () => ended.abort(stopped.reason);
  stopped.addEventListener('abort', onStop, { once: true });
  stream.on('error', (error) => ended.abort(error));
  stream.on('end', () => ended.abort(new Error('it ended the stream')));
  stream.on('data', onAnswer);
  try {
    return await use(stream, ended.signal);
  } finally {
    stopped.removeEventListener('abort', onStop);
    stream.on('error', () => {});
    stream.cancel();
    client.close();
  }
}

/** Waits for an answer. @throws {RegistryError} `DEADLINE_EXCEEDED` that says so, or the reason of `ended`. */
export async function within(
  answered: Promise<void>,
  ms: number,
  what: string,
  clock: Clock,
  ended: AbortSignal,
): Promise<void> {
  const late = new AbortController();
  const onEnd = () => late.abort(ended.reason);
  if (ended.aborted) onEnd();
  ended.addEventListener('abort', onEnd, { once: true });
  try {
    await Promise.race([
      answered,
      sleep(clock, ms, late.signal).then(() => {
        throw new RegistryError('DEADLINE_EXCEEDED', `no answer to ${what} within ${ms} ms`);
      }),
    ]);
  } finally {
    ended.removeEventListener('abort', onEnd);
    late.abort();
  }
}
