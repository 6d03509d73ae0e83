import { type ChannelCredentials, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { type BackoffOptions, type Clock, jittered, type Random, sleep, systemClock } from '@rollcall/core';
import { checkOptions } from '../check-options.ts';
import type { OnChange } from '../on-change.ts';
import type { Patient } from '../patients.ts';
import { type HealthCheckRequest, type HealthCheckResponse, watch } from './health-service.ts';
import { HealthStreams } from './health-streams.ts';
import { onStream, within } from './stream.ts';

export interface HeartbeatsOptions {
  /** Told when an instance falls ill, with the reason, and when it is well again. All are taken for well at first. */
  readonly onChange: OnChange;
  /** From one beat to the next, in milliseconds, give or take a tenth. Defaults to 5 000. */
  readonly intervalMs?: number;
  /** A beat that isn't answered for longer has failed, in milliseconds. Defaults to 2 000. */
  readonly timeoutMs?: number;
  /** So many beats in a row that fail, and it is ill. Defaults to 3. What an instance itself says counts at once. */
  readonly failures?: number;
  /** Between two attempts to connect: full jitter. Defaults to 200 ms, up to 5 s. */
  readonly backoff?: BackoffOptions;
  readonly credentials?: ChannelCredentials;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * A stream to every instance of a list, over which beats go and answers come: who doesn't answer falls ill, who says that he is ill is so
 * at once, and a stream that breaks is begun again. Each instance must serve {@link HeartbeatServer}.
 */
export class Heartbeats extends HealthStreams {
  readonly #options: Required<HeartbeatsOptions>;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(options: HeartbeatsOptions) {
    const all = {
      intervalMs: 5_000,
      timeoutMs: 2_000,
      failures: 3,
      backoff: { baseMs: 200, capMs: 5_000 },
      credentials: credentials.createInsecure(),
      clock: systemClock,
      random: Math.random,
      ...options,
    };
    checkOptions(all, { times: ['intervalMs', 'timeoutMs'], counts: ['failures'] });
    super({ ...all, spreadMs: all.intervalMs });
    this.#options = all;
  }

  protected override listen(patient: Patient, stopped: AbortSignal, onAnswer: () => void): Promise<never> {
    const { clock, random, intervalMs, timeoutMs, credentials: given } = this.#options;
    const { path, requestSerialize, responseDeserialize } = watch;
    let answer = (): void => {};
    return onStream<ClientDuplexStream<HealthCheckRequest, HealthCheckResponse>>({
      instance: patient.instance,
      credentials: given,
      stopped,
      open: (client) => client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize),
      onAnswer: ({ status }) => {
        onAnswer();
        answer();
        this.note(patient, status);
      },
      use: async (stream, ended) => {
        for (;;) {
          const answered = new Promise<void>((resolve) => (answer = resolve));
          stream.write({ service: '' });
          // oxlint-disable-next-line no-await-in-loop -- a beat is answered before the next
          await within(answered, timeoutMs, 'a heartbeat', clock, ended);
          // oxlint-disable-next-line no-await-in-loop
          await sleep(clock, jittered(intervalMs, SPREAD, random), ended);
        }
      },
    });
  }
}

/** Beats of one instance don't keep step with those of another. */
const SPREAD = 0.1;
