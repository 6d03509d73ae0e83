import type { Clock } from '@rollcall/core';
import type { AccessDecision, AccessRequest, Principal, Verb } from './contract.ts';
import type { AuthenticationReason } from './authentication/authentication-error.ts';

/** One line of the log of decisions: who, what, allowed or not, and why. No credentials. */
export type DecisionRecord = DecidedRecord | RefusedRecord;

interface RecordBase {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly allowed: boolean;
  readonly why: string;
  /** How many records of the same outcome were left out since the last one, because there were too many. */
  readonly leftOut?: number;
}

/** What somebody may or may not do. */
export interface DecidedRecord extends RecordBase {
  readonly event: 'decision';
  readonly subject: string;
  readonly kind: Principal['kind'];
  readonly verb: Verb;
  readonly namespace: string;
  readonly service?: string;
  readonly id?: string;
}

/** Somebody who wasn't let in. */
export interface RefusedRecord extends RecordBase {
  readonly event: 'authentication';
  readonly allowed: false;
  readonly reason: AuthenticationReason | 'unavailable';
}

/** Hands records on, at most so many a second of those that allow, and as many of those that refuse: a flood of one hides none of the other. */
export class DecisionLog {
  readonly #clock: Clock;
  readonly #write: (record: DecisionRecord) => void;
  readonly #allowed: Allowance;
  readonly #refused: Allowance;

  constructor(write: (record: DecisionRecord) => void, perSecond: number, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
    this.#allowed = new Allowance(perSecond, clock);
    this.#refused = new Allowance(perSecond, clock);
  }

  decision(principal: Principal, request: AccessRequest, { allowed, why }: AccessDecision): void {
    const allowance = allowed ? this.#allowed : this.#refused;
    if (!allowance.take()) return;
    const { verb, namespace, service, id } = request;
    this.#write({
      event: 'decision',
      at: this.#clock.wallNow(),
      subject: principal.subject,
      kind: principal.kind,
      verb,
      namespace,
      ...(service !== undefined && { service }),
      ...(id !== undefined && { id }),
      allowed,
      why,
      ...allowance.leftOut(),
    });
  }

  refusal(reason: RefusedRecord['reason'], why: string): void {
    if (!this.#refused.take()) return;
    const at = this.#clock.wallNow();
    this.#write({ event: 'authentication', at, allowed: false, reason, why, ...this.#refused.leftOut() });
  }
}

/** So many a second, and as many at once. */
class Allowance {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #left: number;
  #at: number;
  #leftOut = 0;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#left = perSecond;
    this.#at = clock.now();
  }

  take(): boolean {
    if (this.#left < 1) {
      const now = this.#clock.now();
      this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
      this.#at = now;
    }
    if (this.#left < 1) {
      this.#leftOut++;
      return false;
    }
    this.#left--;
    return true;
  }

  leftOut(): { readonly leftOut?: number } {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut === 0 ? {} : { leftOut };
  }
}
