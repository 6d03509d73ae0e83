import {
  type Clock,
  jittered,
  type Random,
  RegistryError,
  type ServiceInstance,
  sleep,
  systemClock,
} from '@rollcall/core';
import { checkOptions } from './check-options.ts';
import type { OnChange } from './on-change.ts';
import { type Patient, Patients } from './patients.ts';
import type { Probe } from './probe.ts';

export interface HealthCheckerOptions {
  /** How an instance is looked at. */
  readonly probe: Probe;
  /** Told when an instance falls ill, with the reason, and when it is well again. All are taken for well at first. */
  readonly onChange: OnChange;
  /** From one look at an instance to the next, in milliseconds, give or take a tenth. Defaults to 5 000. */
  readonly intervalMs?: number;
  /** A look that takes longer has failed, in milliseconds. Defaults to 2 000. */
  readonly timeoutMs?: number;
  /** So many looks in a row that fail, and it is ill. Defaults to 3. */
  readonly failures?: number;
  /** So many in a row that don't, and it is well again. Defaults to 1. */
  readonly successes?: number;
  /** So many looks at the same time; others wait. Defaults to 64. */
  readonly maxAtOnce?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** What is known of one instance. */
export interface HealthReport {
  readonly instance: ServiceInstance;
  readonly isWell: boolean;
  /** Looks in a row that ended as the last one did; 0 before the first. */
  readonly inRow: number;
  /** Why the last look failed; `undefined` when it didn't. */
  readonly reason: Error | undefined;
}

/**
 * Looks at every instance of a list, again and again. The first looks are spread over an interval, and each goes on in its own time, so a
 * long list makes no bursts; and no more than some are under way at once.
 *
 * ```ts
 * const checker = new HealthChecker({
 *   probe: httpProbe({ path: '/health' }),
 *   onChange: (instance, isWell) => balancer.setHealth(instance, isWell),
 * });
 * registry.service('user-service').subscribe(({ instances }) => checker.update(instances));
 * ```
 */
export class HealthChecker {
  readonly #options: Required<HealthCheckerOptions>;
  readonly #patients: Patients;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(options: HealthCheckerOptions) {
    this.#options = {
      intervalMs: 5_000,
      timeoutMs: 2_000,
      failures: 3,
      successes: 1,
      maxAtOnce: 64,
      clock: systemClock,
      random: Math.random,
      ...options,
    };
    checkOptions(this.#options, {
      times: ['intervalMs', 'timeoutMs'],
      counts: ['failures', 'successes', 'maxAtOnce'],
    });
    const follow = (patient: Patient, stopped: AbortSignal) => this.#follow(patient, stopped);
    this.#patients = new Patients({ ...this.#options, follow });
  }

  /** What it knows, instance by instance. */
  get report(): readonly HealthReport[] {
    return this.#patients.all.map(({ instance, judgement: { isWell, inRow, reason } }) => ({
      instance,
      isWell,
      inRow,
      reason,
    }));
  }

  /** Replaces the list. One that stays, at the same address, keeps its state and its time; nothing is told of one that leaves. */
  update(instances: readonly ServiceInstance[]): void {
    this.#patients.update(instances);
  }

  /** Ends every look, and looks no more. */
  close(): void {
    this.#patients.close();
  }

  async #follow(patient: Patient, stopped: AbortSignal): Promise<never> {
    const { clock, random, intervalMs } = this.#options;
    await sleep(clock, random() * intervalMs, stopped);
    for (;;) {
      const dueAt = clock.now() + jittered(intervalMs, SPREAD, random);
      // oxlint-disable-next-line no-await-in-loop -- the next when this one is over
      await this.#look(patient, stopped);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(clock, Math.max(0, dueAt - clock.now()), stopped);
    }
  }

  async #look(patient: Patient, stopped: AbortSignal): Promise<void> {
    await this.#turn();
    try {
      if (stopped.aborted) return;
      const reason = await this.#failureOf(patient.instance, stopped);
      if (!stopped.aborted) this.#patients.note(patient, reason);
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#underWay >= this.#options.maxAtOnce)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay++;
  }

  /** Why a look failed; `undefined` when it didn't. A probe that doesn't heed its signal isn't waited for. */
  async #failureOf(instance: ServiceInstance, stopped: AbortSignal): Promise<Error | undefined> {
    const { probe, clock, timeoutMs } = this.#options;
    const end = new AbortController();
    const onStop = () => end.abort();
    stopped.addEventListener('abort', onStop, { once: true });
    const cancel = clock.after(timeoutMs, () =>
      end.abort(new RegistryError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        const onEnd = () => reject(end.signal.reason as Error);
        if (end.signal.aborted) onEnd();
        end.signal.addEventListener('abort', onEnd, { once: true });
        probe(instance, end.signal).then(resolve, reject);
      });
      return undefined;
    } catch (error) {
      const reason: unknown = end.signal.aborted ? end.signal.reason : error;
      return reason instanceof Error ? reason : new Error(String(reason));
    } finally {
      cancel();
      stopped.removeEventListener('abort', onStop);
    }
  }
}

/** Looks of one instance don't keep step with those of another. */
const SPREAD = 0.1;
