import { identityOf, type InstanceKey, sameAddress, type ServiceInstance } from '@rollcall/core';
import { Judgement, type JudgementOptions } from './judgement.ts';
import { type OnChange, tell } from './on-change.ts';

/** One instance that is looked at. */
export interface Patient {
  instance: ServiceInstance;
  readonly judgement: Judgement;
}

export interface PatientsOptions extends JudgementOptions {
  readonly onChange: OnChange;
  /** Looks at one again and again. It ends in no other way than by rejecting when `stopped` aborts. */
  readonly follow: (patient: Patient, stopped: AbortSignal) => Promise<never>;
}

/** The instances of a list, each followed from when it comes until it leaves or changes its address. */
export class Patients {
  readonly #options: PatientsOptions;
  readonly #followed = new Map<string, { readonly patient: Patient; readonly stopped: AbortController }>();
  #isClosed = false;

  constructor(options: PatientsOptions) {
    this.#options = options;
  }

  get all(): readonly Patient[] {
    return Array.from(this.#followed.values(), ({ patient }) => patient);
  }

  find(key: InstanceKey): Patient | undefined {
    return this.#followed.get(identityOf(key))?.patient;
  }

  /** Replaces the list. Nothing is told of one that leaves. */
  update(instances: readonly ServiceInstance[]): void {
    if (this.#isClosed) return;
    const left = new Set(this.#followed.keys());
    for (const instance of instances) {
      const identity = identityOf(instance);
      const known = this.#followed.get(identity);
      left.delete(identity);
      if (known && sameAddress(known.patient.instance, instance)) known.patient.instance = instance;
      else {
        known?.stopped.abort();
        this.#begin(identity, instance);
      }
    }
    for (const identity of left) {
      this.#followed.get(identity)?.stopped.abort();
      this.#followed.delete(identity);
    }
  }

  /** Takes a look in, and tells what changes by it; see {@link Judgement.note}. */
  note({ judgement, instance }: Patient, reason: Error | undefined, isSure = false): void {
    if (judgement.note(reason, isSure)) tell(this.#options.onChange, instance, judgement);
  }

  close(): void {
    this.#isClosed = true;
    for (const { stopped } of this.#followed.values()) stopped.abort();
    this.#followed.clear();
  }

  #begin(identity: string, instance: ServiceInstance): void {
    const stopped = new AbortController();
    const patient = { instance, judgement: new Judgement(this.#options) };
    this.#followed.set(identity, { patient, stopped });
    this.#options.follow(patient, stopped.signal).catch(() => {});
  }
}
