import { type ChannelCredentials, credentials, status as codes } from '@grpc/grpc-js';
import { type BackoffOptions, type Clock, type Random, sleep, systemClock } from '@rollcall/core';
import { checkOptions } from '../check-options.ts';
import type { OnChange } from '../on-change.ts';
import type { Patient } from '../patients.ts';
import { watchHealth } from './health-service.ts';
import { HealthStreams } from './health-streams.ts';
import { onStream, within } from './stream.ts';

export interface HealthWatchesOptions {
  /** Told when an instance falls ill, with the reason, and when it is well again. All are taken for well at first. */
  readonly onChange: OnChange;
  /** The service of the server that is asked for. Defaults to the whole server. */
  readonly service?: string;
  /** The first answer must come within, in milliseconds. Defaults to 2 000. */
  readonly timeoutMs?: number;
  /** So many streams in a row that break without an answer, and it is ill. Defaults to 3. What an instance itself says counts at once. */
  readonly failures?: number;
  /** Between two attempts to connect: full jitter. Defaults to 200 ms, up to 5 s. */
  readonly backoff?: BackoffOptions;
  /**
   * How often HTTP/2 pings an instance that says nothing, in milliseconds; without an answer within `timeoutMs` the stream is broken.
   * Many servers end connections that ping more often than every five minutes. Left out: no pings.
   */
  readonly pingMs?: number;
  readonly credentials?: ChannelCredentials;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** One that can't be watched is asked again after so long, in milliseconds: it may have been replaced. */
const UNIMPLEMENTED_MS = 60_000;

/**
 * `grpc.health.v1.Health/Watch` at every instance of a list: each says at once how it is, and again when that changes. As gRPC's own clients
 * do, an instance that doesn't implement it is taken for well
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
 */
export class HealthWatches extends HealthStreams {
  readonly #options: Required<Omit<HealthWatchesOptions, 'pingMs'>> & Pick<HealthWatchesOptions, 'pingMs'>;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(options: HealthWatchesOptions) {
    const all = {
      service: '',
      timeoutMs: 2_000,
      failures: 3,
      backoff: { baseMs: 200, capMs: 5_000 },
      credentials: credentials.createInsecure(),
      clock: systemClock,
      random: Math.random,
      ...options,
    };
    const { failures, timeoutMs, pingMs = 1, backoff } = all;
    checkOptions({ timeoutMs, pingMs, failures }, { times: ['timeoutMs', 'pingMs'], counts: ['failures'] });
    super({ ...all, spreadMs: backoff.capMs });
    this.#options = all;
  }

  protected override async listen(
    patient: Patient,
    stopped: AbortSignal,
    onAnswer: () => void,
  ): Promise<never> {
    const { clock, credentials: given, service, timeoutMs, pingMs } = this.#options;
    const { path, requestSerialize, responseDeserialize } = watchHealth;
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    try {
      return await onStream({
        instance: patient.instance,
        credentials: given,
        ...(pingMs !== undefined && {
          channel: { 'grpc.keepalive_time_ms': pingMs, 'grpc.keepalive_timeout_ms': timeoutMs },
        }),
        stopped,
        open: (client) =>
          client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service }),
        onAnswer: ({ status }) => {
          onAnswer();
          answer();
          this.note(patient, status);
        },
        use: async (_stream, ended) => {
          await within(answered, timeoutMs, 'a health watch', clock, ended);
          return await new Promise<never>((_resolve, reject) => {
            const onEnd = () => reject(ended.reason as Error);
            if (ended.aborted) onEnd();
            else ended.addEventListener('abort', onEnd, { once: true });
          });
        },
      });
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      this.note(patient);
      await sleep(clock, UNIMPLEMENTED_MS, stopped);
      return await this.listen(patient, stopped, onAnswer);
    }
  }
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === codes.UNIMPLEMENTED;
}
