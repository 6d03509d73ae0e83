import { Balancer, type BalancerOptions, type Pick } from '@rollcall/balancer';
import { type Clock, defineInstance } from '@rollcall/core';
import { seededRandom } from '@rollcall/core/testing';

/** One server of a simulated service. */
export interface SimulatedServer {
  /** How long a call takes on average, in milliseconds, at that moment; its length is exponentially distributed. */
  readonly meanMs: (now: number) => number;
  /** What part of its calls fails at that moment, 0 to 1. */
  readonly failing: (now: number) => number;
}

export interface SimulationOptions {
  readonly balancer: BalancerOptions;
  readonly servers: readonly SimulatedServer[];
  /** How many calls a server works on at the same time; others wait in line. */
  readonly workers: number;
  /** Callers, each with a balancer of its own. */
  readonly callers: number;
  /** Calls of all callers in a second, at random moments. */
  readonly callsPerSecond: number;
  readonly calls: number;
  /** How often a call that failed is tried again on another instance. */
  readonly retries: number;
}

export interface SimulatedCall {
  readonly startedAt: number;
  readonly tookMs: number;
  readonly isFailed: boolean;
  /** The places of the servers that it went to. */
  readonly tried: readonly number[];
}

interface Attempt {
  readonly call: { readonly startedAt: number; readonly caller: Balancer; readonly tried: number[] };
  readonly pick: Pick;
}

/**
 * Plays calls on a clock of its own: what comes of a policy, without what else a machine does. The balancers are ours, as they are
 * shipped; servers and time are simulated.
 */
export function simulate(options: SimulationOptions): readonly SimulatedCall[] {
  const { servers, workers, retries } = options;
  const random = seededRandom(11);
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const agenda = new Agenda();
  const clock: Clock = {
    now: () => agenda.now,
    wallNow: () => agenda.now,
    after: () => () => {},
  };
  const instances = servers.map((_, i) =>
    defineInstance({ service: 'user-service', id: String(i), host: '10.0.0.7', port: 1 + i }),
  );
  const callers = Array.from({ length: options.callers }, () => {
    const balancer = new Balancer({ ...options.balancer, clock, random });
    balancer.update(instances);
    return balancer;
  });
  const busy = servers.map(() => 0);
  const lines = servers.map((): Attempt[] => []);
  const done: SimulatedCall[] = [];

  const begin = (call: Attempt['call']): void => {
    const pick = pickAnother(call.caller, call.tried);
    if (!pick) {
      done.push(outcomeOf(call, true));
      return;
    }
    const place = Number(pick.instance.id);
    call.tried.push(place);
    if ((busy[place] as number) < workers) serve(place, { call, pick });
    else lines[place]?.push({ call, pick });
  };
  const serve = (place: number, { call, pick }: Attempt): void => {
    const server = servers[place] as SimulatedServer;
    busy[place] = (busy[place] as number) + 1;
    const isFailed = random() < server.failing(agenda.now);
    agenda.at(agenda.now + exponential(server.meanMs(agenda.now)), () => {
      busy[place] = (busy[place] as number) - 1;
      const next = lines[place]?.shift();
      if (next) serve(place, next);
      pick.done(isFailed ? 'failure' : 'success');
      if (isFailed && call.tried.length <= retries) begin(call);
      else done.push(outcomeOf(call, isFailed));
    });
  };
  const outcomeOf = ({ startedAt, tried }: Attempt['call'], isFailed: boolean): SimulatedCall => ({
    startedAt,
    tookMs: agenda.now - startedAt,
    isFailed,
    tried,
  });

  let started = 0;
  const arrive = (): void => {
    begin({ startedAt: agenda.now, caller: callers[started % callers.length] as Balancer, tried: [] });
    if (++started < options.calls)
      agenda.at(agenda.now + exponential(1_000 / options.callsPerSecond), arrive);
  };
  agenda.at(0, arrive);
  agenda.run();
  return done;
}

/** The first that wasn't tried yet, where there is one. */
function pickAnother(balancer: Balancer, tried: readonly number[]): Pick | undefined {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const pick = balancer.pick();
    if (!pick || !tried.includes(Number(pick.instance.id))) return pick;
    pick.done('ignored');
  }
  return balancer.pick();
}

const MAX_LOOKS = 20;

/** What is to happen, in the order of its time. */
class Agenda {
  now = 0;
  readonly #heap: { readonly at: number; readonly run: () => void }[] = [];

  at(at: number, run: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ at, run }) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if ((heap[parent] as { at: number }).at <= at) break;
      this.#swap(place, parent);
      place = parent;
    }
  }

  run(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      this.now = next.at;
      next.run();
    }
  }

  #next() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    heap[0] = last;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) return first;
      const other = heap[child + 1];
      if (other && other.at < (heap[child] as { at: number }).at) child++;
      if ((heap[child] as { at: number }).at >= last.at) return first;
      this.#swap(place, child);
      place = child;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as (typeof heap)[0], heap[a] as (typeof heap)[0]];
  }
}
