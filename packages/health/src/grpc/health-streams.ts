import type { ServiceInstance } from '@rollcall/core';
import type { OnChange } from '../on-change.ts';
import { type Patient, Patients } from '../patients.ts';
import type { HealthCheckResponse } from './health-service.ts';
import { keepUp, type KeepUpOptions } from './stream.ts';

export interface HealthStreamsOptions extends Pick<
  KeepUpOptions,
  'clock' | 'random' | 'backoff' | 'spreadMs'
> {
  readonly onChange: OnChange;
  readonly failures: number;
}

/** A stream to every instance of a list, begun again when it breaks. */
export abstract class HealthStreams {
  readonly #patients: Patients;

  protected constructor({ onChange, failures, ...terms }: HealthStreamsOptions) {
    const follow = (patient: Patient, stopped: AbortSignal) =>
      keepUp(stopped, {
        ...terms,
        listen: (onAnswer) => this.listen(patient, stopped, onAnswer),
        onBroken: (error) => this.#patients.note(patient, error),
      });
    this.#patients = new Patients({ failures, successes: 1, onChange, follow });
  }

  /** Replaces the list. One that stays, at the same address, keeps its stream; nothing is told of one that leaves. */
  update(instances: readonly ServiceInstance[]): void {
    this.#patients.update(instances);
  }

  /** Whether an instance is well; `undefined` where the list doesn't have it. */
  isWell(instance: ServiceInstance): boolean | undefined {
    return this.#patients.find(instance)?.judgement.isWell;
  }

  /** Ends every stream. */
  close(): void {
    this.#patients.close();
  }

  /** One stream, until it breaks; that is what it rejects with. */
  protected abstract listen(patient: Patient, stopped: AbortSignal, onAnswer: () => void): Promise<never>;

  /** What an instance says of itself counts at once. Without an answer it says nothing bad. */
  protected note(patient: Patient, status: HealthCheckResponse['status'] = 'SERVING'): void {
    if (status === 'SERVING') this.#patients.note(patient, undefined);
    else this.#patients.note(patient, new Error(`it says ${status}`), true);
  }
}
