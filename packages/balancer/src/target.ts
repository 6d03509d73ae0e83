import type { ServiceInstance } from '@rollcall/core';
import { Record } from './record.ts';

/** Who wants to know when the calls under way at a target change. */
export interface LoadObserver {
  /** @param by how many calls more, or fewer. */
  loadChanged(target: Target, by: number): void;
}

/** One instance, and what calls have shown of it. It stays the same while the instance stays in the list. */
export class Target {
  /** As it is listed now: weight, status and metadata may change. */
  instance: ServiceInstance;
  /** Monotonic milliseconds, of when it came, or came back. */
  since: number;
  /** Calls under way. */
  running = 0;
  /** Those of them that began in the era before: forgotten when another era begins. */
  runningBefore = 0;
  /** Moving average of how long its calls take, in milliseconds; 0: none has ended. */
  latencyMs = 0;
  /** When that was last brought up to date, in monotonic milliseconds. */
  latencyAt = 0;
  /** How its calls ended. */
  readonly record = new Record();
  /** Mostly nobody: then it is the same list for all targets, and stays in the processor's cache. */
  #observers: readonly LoadObserver[] = NOBODY;

  constructor(instance: ServiceInstance, now: number) {
    this.instance = instance;
    this.since = now;
  }

  observe(observer: LoadObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  /** Tells that observer no more. */
  forsake(observer: LoadObserver): void {
    this.#observers = this.#observers.filter((each) => each !== observer);
    if (this.#observers.length === 0) this.#observers = NOBODY;
  }

  began(): void {
    this.#add(1);
  }

  /** @param wasBefore whether the call began in the era before. */
  ended(wasBefore: boolean): void {
    if (wasBefore) {
      if (this.runningBefore === 0) return;
      this.runningBefore--;
    }
    this.#add(-1);
  }

  /** Begins an era. Calls that began before the last one, and were never said to be done, are forgotten. */
  forget(): void {
    this.#add(-this.runningBefore);
    this.runningBefore = this.running;
  }

  #add(calls: number): void {
    this.running += calls;
    if (this.#observers !== NOBODY) for (const observer of this.#observers) observer.loadChanged(this, calls);
  }
}

const NOBODY: readonly LoadObserver[] = [];
