import { type Clock, defineInstance, type InstanceSpec, type ServiceInstance } from '@rollcall/core';
import { seededRandom } from '@rollcall/core/testing';
import { Balancer, type BalancerOptions, type Outcome, type PickRequest } from '../src/index.ts';

/** One of `users`; each id has an address of its own. */
export function instance(id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service: 'users', id, host: `${id}.internal`, port: 8080, ...more });
}

/** As many, named `i0`, `i1` and so on. */
export function instances(count: number, more: (i: number) => Partial<InstanceSpec> = () => ({})) {
  return Array.from({ length: count }, (_, i) => instance(`i${i}`, more(i)));
}

/** It stands still until it is told to pass; a balancer has no timers. */
export class StillClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  after(): never {
    throw new Error('a balancer has no timers');
  }

  pass(ms: number): void {
    this.#now += ms;
  }
}

export interface Tested {
  readonly balancer: Balancer;
  readonly clock: StillClock;
  /** One call, which ends at once, and the id that it went to; `undefined` for none. */
  readonly call: (request?: PickRequest, outcome?: Outcome) => string | undefined;
  /** So many calls, and how many went to each. */
  readonly calls: (count: number, request?: PickRequest) => Record<string, number>;
}

/** A balancer with time and chance in the test's hand. */
export function tested(list: readonly ServiceInstance[], options: BalancerOptions = {}): Tested {
  const clock = new StillClock();
  const balancer = new Balancer({ clock, random: seededRandom(7), ...options });
  balancer.update(list);
  const call: Tested['call'] = (request, outcome) => {
    const pick = balancer.pick(request);
    pick?.done(outcome);
    return pick?.instance.id;
  };
  return {
    balancer,
    clock,
    call,
    calls: (count, request) => {
      const counts: Record<string, number> = {};
      for (let i = 0; i < count; i++) {
        const id = call(request) ?? 'none';
        counts[id] = (counts[id] ?? 0) + 1;
      }
      return counts;
    },
  };
}
