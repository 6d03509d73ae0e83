import {
  CARRIED_FIELDS,
  defineAdapter,
  type AdapterCapabilities,
  type CallOptions,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  type SkippedEntry,
  type WatchEvent,
} from '../adapter.ts';
import { sleep, type Clock } from '../clock.ts';
import { abortError, createController, linkSignals } from '../deadline.ts';
import { RegistryError, toRegistryError } from '../errors.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from '../instance.ts';
import { ListTeller } from '../list-teller.ts';
import { notListed } from '../override.ts';
import { type Listing, Merger, type ReadRule } from './merge.ts';
import { multiOptions, type ResolvedMultiOptions } from './options.ts';
import { nameOf, Source } from './source.ts';

/** The adapter behind `registry.type: multi`: several registries as one. */
export const adapter = defineAdapter<ResolvedMultiOptions, Promise<RegistryAdapter>>({
  type: 'multi',
  options: multiOptions,
  async create({ sources, read }, context) {
    const { compose } = context;
    if (!compose) {
      const message =
        'multi is made of other adapters: set registry.type: multi, and let createRegistry make them';
      throw new RegistryError('INVALID_CONFIG', message);
    }
    const adapters = await Promise.all(
      sources.map(({ type, options }, i) => compose.adapter(type, options, ['sources', i])),
    );
    const parts = adapters.map(
      (each, i) => new Source(sources[i] as (typeof sources)[number], each, context, compose),
    );
    return new MultiAdapter(parts, read, context.clock, context.warn);
  },
});

/** When one source has done it, the others get this much longer, in milliseconds; then it goes on without them. */
const GRACE_MS = 1_000;

interface Listed {
  readonly lease: Lease;
  readonly lost: AbortController;
}

/**
 * Registers in each source, and reads what they list together. What one source can't do now is tried again there, and
 * keeps nobody from what the others can.
 */
class MultiAdapter implements RegistryAdapter {
  readonly type = 'multi';
  readonly capabilities: AdapterCapabilities;
  /** Absent where no source can. */
  readonly override?: NonNullable<RegistryAdapter['override']>;
  readonly #sources: readonly Source[];
  readonly #readers: readonly Source[];
  readonly #writers: readonly Source[];
  readonly #rule: ReadRule;
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  readonly #closed = createController();
  readonly #mergers = new Map<string, Merger>();
  /** What is listed in a source at least. */
  readonly #listed = new Map<string, Listed>();

  constructor(sources: readonly Source[], rule: ReadRule, clock: Clock, warn: (message: string) => void) {
    this.#sources = sources;
    this.#readers = sources.filter(({ reads }) => reads);
    this.#writers = sources.filter(({ writes }) => writes);
    this.#rule = rule;
    this.#clock = clock;
    this.#warn = warn;
    this.capabilities = together(sources.map(({ adapter: each }) => each.capabilities));
    if (sources.some(({ adapter: each }) => each.canOverride))
      this.override = (key, change, options) => this.#override(key, change, options);
    for (const source of this.#writers) {
      source.events.on((event) => {
        if (event.type === 'registration') this.#noteLoss(event.instance, event.error);
      });
    }
  }

  /** Each source connects when it is used first: one that is down must not hold the others up. */
  async open(signal: AbortSignal): Promise<void> {
    this.#check(signal, 'connect');
  }

  async close(): Promise<void> {
    const reason = closedError();
    this.#closed.abort(reason);
    const ends = await Promise.allSettled(this.#sources.map((source) => source.close(reason)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const doing = `register ${instance.service}/${instance.id}`;
    this.#check(signal, doing);
    for (const source of this.#writers) source.put(instance, ttlMs);
    await this.#inOne(doing, signal, (source, until) => source.listed(instance, until));
    const name = nameOf(instance);
    const before = this.#listed.get(name);
    const grantedMs = grant(this.#writers, ttlMs);
    if (before && !before.lost.signal.aborted && before.lease.ttlMs === grantedMs) return before.lease;
    const lost = createController();
    const lease = { ttlMs: grantedMs, lost: lost.signal };
    this.#listed.set(name, { lease, lost });
    // It may have been lost again since.
    this.#noteLoss(instance, undefined);
    return lease;
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id}`;
    this.#check(signal, doing);
    this.#listed.delete(nameOf(instance));
    const late = await this.#inOne(doing, signal, (source, until) => source.remove(instance, until));
    if (late.length > 0)
      this.#warn(
        `${doing}: ${late.join(', ')} did not confirm it; tried until the end of this process, then it expires`,
      );
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const doing = `list ${key.service}`;
    this.#check(signal, doing);
    const skipped = new Map<string, string>();
    const answers = await this.#ask(doing, signal, (source) => source.adapter.discover(key, signal));
    const listings = answers.map((answer): Listing => {
      if (answer instanceof RegistryError) return { instances: undefined, isLive: false };
      for (const { key: at, reason } of answer.skipped) skipped.set(at, reason);
      return { instances: answer.instances, isLive: true };
    });
    return { instances: [...this.#merger(key).merge(listings).values()], skipped: entriesOf(skipped) };
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const doing = `watch ${key.service}`;
    this.#check(signal, doing);
    const merger = this.#merger(key);
    // Each source doubts its own list where that is called for.
    const teller = new ListTeller({ isTrusted: true });
    let isDue = true;
    let wake = (): void => {};
    const look = () => {
      isDue = true;
      wake();
    };
    const followings = this.#readers.map((source) => source.follow(key, look));
    const link = linkSignals(signal, this.#closed.signal);
    link.signal.addEventListener('abort', look);
    try {
      for (let isFirst = true; ;) {
        // oxlint-disable-next-line no-await-in-loop -- waits for a change
        if (!isDue) await new Promise<void>((resolve) => (wake = resolve));
        isDue = false;
        if (link.signal.aborted) throw abortError(link.signal, doing);
        const looks = followings.map((following) => following.look());
        const failures = looks.flatMap(({ error, isLive }, i) =>
          error && !isLive ? [{ source: this.#readers[i]?.name ?? '', error }] : [],
        );
        if (failures.length === looks.length) throw noneAnswers(doing, failures);
        // A list that lacks what a source is about to tell would be a wrong one.
        if (isFirst && looks.some(({ error, isLive }) => !isLive && !error)) continue;
        isFirst = false;
        const skipped = entriesOf(new Map(looks.flatMap((each) => [...each.skipped])));
        const event = teller.next({ instances: [...merger.merge(looks).values()], skipped });
        if (event) yield event;
      }
    } finally {
      for (const following of followings) following.stop();
      link.signal.removeEventListener('abort', look);
      link.release();
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const doing = 'list the services';
    this.#check(signal, doing);
    const answers = await this.#ask(doing, signal, (source) =>
      source.adapter.listServices(namespace, signal),
    );
    return [...new Set(answers.flatMap((answer) => (answer instanceof RegistryError ? [] : answer)))];
  }

  /** In every source that lists it. What one that can't be reached lists stays as it was. */
  async #override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${key.service}/${key.id}`;
    this.#check(signal, doing);
    const failures: Failure[] = [];
    const done: string[] = [];
    await Promise.all(
      this.#sources.map(async ({ name, adapter: source }) => {
        try {
          const { instances } = await source.discover(key, signal);
          if (!instances.some(({ id }) => id === key.id)) return;
          await source.override(key, change, signal);
          done.push(name);
        } catch (cause) {
          failures.push({ source: name, error: toRegistryError(cause, doing) });
        }
      }),
    );
    if (signal.aborted) throw abortError(signal, doing);
    if (this.#closed.signal.aborted) throw closedError();
    const refused = failures.filter(({ error }) => !error.retryable);
    if (refused.length > 0) throw leftUndone(doing, done, refused);
    if (failures.length === this.#sources.length) throw leftUndone(doing, done, failures);
    if (done.length === 0) throw notListed(key, failures[0]?.error);
    if (failures.length === 0) return;
    const left = failures.map(({ source }) => source).join(', ');
    this.#warn(`${doing}: not done in ${left}: do it again when it is back`);
  }

  /** Asks every source that is read. @throws when none answers. */
  async #ask<T>(
    doing: string,
    signal: AbortSignal,
    ask: (source: Source) => Promise<T>,
  ): Promise<(T | RegistryError)[]> {
    const failures: Failure[] = [];
    const answers = await Promise.all(
      this.#readers.map((source) =>
        ask(source).catch((cause: unknown) => {
          const error = toRegistryError(cause, doing);
          failures.push({ source: source.name, error });
          return error;
        }),
      ),
    );
    if (signal.aborted) throw abortError(signal, doing);
    if (this.#closed.signal.aborted) throw closedError();
    if (failures.length === this.#readers.length) throw noneAnswers(doing, failures);
    return answers;
  }

  /**
   * Does it in every source that is written. Resolves when all have done it or failed; at the latest {@link GRACE_MS} after the
   * first has done it.
   *
   * @returns the names of those that haven't.
   * @throws when all have failed.
   */
  async #inOne(
    doing: string,
    signal: AbortSignal,
    act: (source: Source, until: AbortSignal) => Promise<void>,
  ): Promise<string[]> {
    const link = linkSignals(signal, this.#closed.signal);
    const undone = new Set(this.#writers.map(({ name }) => name));
    const failures: Failure[] = [];
    const attempts = this.#writers.map(async (source) => {
      try {
        await act(source, link.signal);
        undone.delete(source.name);
      } catch (cause) {
        failures.push({ source: source.name, error: toRegistryError(cause, doing) });
        throw cause;
      }
    });
    const all = Promise.allSettled(attempts);
    try {
      await Promise.any(attempts);
      await Promise.race([all, sleep(this.#clock, GRACE_MS, link.signal)]);
      return [...undone];
    } catch {
      if (link.signal.aborted) throw abortError(link.signal, doing);
      throw noneAnswers(doing, failures);
    } finally {
      link.controller.abort(new RegistryError('ABORTED', `${doing}: no longer waited for`));
      link.release();
    }
  }

  /** What no source lists any more is lost. */
  #noteLoss(key: InstanceKey, error: RegistryError | undefined): void {
    const listed = this.#listed.get(nameOf(key));
    if (!listed || this.#writers.some((source) => source.isListed(key))) return;
    listed.lost.abort(
      new RegistryError('LEASE_LOST', `no source lists ${key.service}/${key.id} any more`, { cause: error }),
    );
  }

  #merger({ namespace, service }: ServiceKey): Merger {
    const name = JSON.stringify([namespace, service]);
    let merger = this.#mergers.get(name);
    if (!merger) this.#mergers.set(name, (merger = new Merger(this.#rule)));
    return merger;
  }

  #check(signal: AbortSignal, doing: string): void {
    if (this.#closed.signal.aborted) throw closedError();
    if (signal.aborted) throw abortError(signal, doing);
  }
}

function entriesOf(skipped: ReadonlyMap<string, string>): SkippedEntry[] {
  return Array.from(skipped, ([key, reason]) => ({ key, reason }));
}

interface Failure {
  readonly source: string;
  readonly error: RegistryError;
}

function noneAnswers(doing: string, failures: readonly Failure[]): RegistryError {
  return asOne(failures, (each) => `${doing}: no source can: ${each}`);
}

function leftUndone(doing: string, done: readonly string[], failures: readonly Failure[]): RegistryError {
  const where = done.length === 0 ? 'done nowhere' : `done in ${done.join(', ')} alone`;
  return asOne(failures, (each) => `${doing}: ${where}: ${each}`);
}

/** Has the code that all share, or else says that it may pass. */
function asOne(failures: readonly Failure[], say: (each: string) => string): RegistryError {
  const codes = new Set(failures.map(({ error }) => error.code));
  const [code = 'UNAVAILABLE'] = codes;
  const each = failures.map(({ source, error }) => `${source}: ${error.message}`).join('; ');
  const [first] = failures;
  return new RegistryError(codes.size === 1 ? code : 'UNAVAILABLE', say(each), {
    cause: first?.error,
    ...(failures.length === 1 && first?.error.field !== undefined && { field: first.error.field }),
  });
}

/** What all of them can do, and the longest that one of them takes. */
function together(all: readonly AdapterCapabilities[]): AdapterCapabilities {
  const metadata = all.flatMap(({ maxMetadataCharacters: most }) => (most === undefined ? [] : [most]));
  return {
    // Each source keeps its own lease; from here it is seen only that one ended.
    liveness: 'session',
    crashSlackMs: Math.max(...all.map(({ crashSlackMs }) => crashSlackMs)),
    propagationMs: Math.max(...all.map(({ propagationMs }) => propagationMs)),
    ttlRangeMs: {
      min: Math.max(...all.map(({ ttlRangeMs }) => ttlRangeMs.min)),
      max: Math.max(...all.map(({ ttlRangeMs }) => ttlRangeMs.max)),
    },
    fields: CARRIED_FIELDS.filter((field) => all.every(({ fields }) => fields.includes(field))),
    namespaces: all.every(({ namespaces }) => namespaces),
    anyName: all.every(({ anyName }) => anyName),
    ...(metadata.length > 0 && { maxMetadataCharacters: Math.min(...metadata) }),
  };
}

/** The longest that a source grants. */
function grant(sources: readonly Source[], ttlMs: number): number {
  return Math.max(
    ...sources.map(({ adapter: { capabilities } }) => {
      const { min, max } = capabilities.ttlRangeMs;
      return Math.min(max, Math.max(min, ttlMs));
    }),
  );
}

function closedError(): RegistryError {
  return new RegistryError('CLOSED', 'the registries behind multi are closed');
}
