import { type Clock, createController, type Random, RegistryError, sleep } from '@rollcall/core';
import type { Entry } from './answer.ts';
import { type EurekaCall, type EurekaServers, type From, LOOKED_UP_AT_ONCE } from './eureka-servers.ts';
import { Mirror } from './mirror.ts';
import type { PastCaches } from './past-caches.ts';

/** Who is told what the poll finds. */
export interface PollFollower {
  /** Whose list it has read; `undefined` where it doesn't matter. */
  readonly server?: string | undefined;
  /** Changes of the last minutes, most of them known already. */
  change(changes: From<readonly Entry[]>): void;
  /** All that there is, after changes may have been missed. */
  replace(all: From<readonly Entry[]>): void;
  /** The poll has ended. */
  end(error: unknown): void;
}

export interface RegistryPollOptions {
  readonly servers: EurekaServers;
  readonly pastCaches: PastCaches;
  readonly clock: Clock;
  readonly random: Random;
  /** The pause between two rounds, in milliseconds; the first is shorter, at random. */
  readonly intervalMs: number;
  /** How far apart in time two answers of one server may be, in milliseconds. */
  readonly staleMs: number;
}

/** The longest that one round may take, in milliseconds, or as long as the pause where that is longer. */
const ROUND_MS = 10_000;

/** A server whose round takes longer, in milliseconds, has too much to do. */
const SLOW_ROUND_MS = 1_000;

/** It is left alone for so many times what the round took, and so many milliseconds at most; in steps of as many. */
const RELIEF = { factor: 4, maxMs: 30_000, stepMs: 500 };

/**
 * Servers forget changes after three minutes, by default, and may give an answer that is half a minute old. Who didn't ask
 * for this long, in milliseconds, reads all again.
 */
const MAX_GAP_MS = 120_000;

/**
 * Asks one Eureka server again and again what changed, once for all who follow, while somebody does. An answer holds the
 * changes of some minutes, so none is missed between two; and it says how many instances of each status there are now. When
 * that isn't what we have, or another server answers, everything is read anew.
 *
 * A server keeps each form of its answer by itself, and one that it was making while something changed it may keep without
 * the change, until there is another. So every other time it is asked in brief: what one form hides, the other has.
 */
export class RegistryPoll {
  readonly #options: RegistryPollOptions;
  readonly #followers = new Set<PollFollower>();
  #mirror: Mirror | undefined;
  #latest: Latest | undefined;
  /** Until then a wrong count may come from answers of different moments. */
  #doubtFrom = 0;
  #polledAt = Number.NEGATIVE_INFINITY;
  #isBriefTurn = false;
  /** The answer in brief of which all is known, as text. */
  #heard: string | undefined;
  /** The changes that lacked something that was told in brief, as text. */
  #distrusted: string | undefined;
  /** Until then the server is left alone, also by who follows anew because it gave no answer; unless one comes quickly. */
  #reliefUntil = Number.NEGATIVE_INFINITY;
  #running: AbortController | undefined;

  constructor(options: RegistryPollOptions) {
    this.#options = options;
  }

  /** What is listed anywhere, as far as it is known. There once {@link refresh} has been called. */
  get mirror(): Mirror | undefined {
    return this.#mirror;
  }

  /** Begins to tell the follower. The function that it gives ends that. */
  follow(follower: PollFollower): () => void {
    this.#followers.add(follower);
    if (!this.#running) this.#start();
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.stop();
    };
  }

  /** What changed in the last minutes, as far as it has been told. */
  get latest(): From<readonly Entry[]> | undefined {
    return this.#latest?.changes;
  }

  /** What changed in the last minutes: as it is known while somebody follows, else as the server says now. */
  async changes(call: EurekaCall): Promise<From<readonly Entry[]> | undefined> {
    const { servers, clock, pastCaches } = this.#options;
    if (this.#latest) {
      const { changes } = this.#latest;
      return { ...changes, value: pastCaches.with(changes) };
    }
    const begunAt = clock.now();
    const answer = await servers.changes(call);
    if (clock.now() - begunAt <= SLOW_ROUND_MS) this.#reliefUntil = Number.NEGATIVE_INFINITY;
    if (!answer) return undefined;
    const { server } = answer;
    const { entries } = servers.readChanges(call, answer).value;
    return { server, value: pastCaches.with({ server, value: entries }) };
  }

  /** Reads everything now. */
  async refresh(call: EurekaCall): Promise<void> {
    this.#mirror = Mirror.of(await this.#options.servers.applications(call));
    const changes = this.#latest?.changes;
    if (changes?.server === this.#mirror.server) this.#mirror.apply(changes.value);
  }

  /** Ends it, and tells so with `error` those who follow. */
  stop(error?: unknown): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#mirror = undefined;
    this.#latest = undefined;
    this.#heard = undefined;
    const followers = [...this.#followers];
    this.#followers.clear();
    for (const follower of followers) follower.end(error);
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    this.#run(running.signal).catch((error: unknown) => {
      if (this.#running === running) this.stop(error);
    });
  }

  async #run(signal: AbortSignal): Promise<never> {
    const { clock, random, intervalMs } = this.#options;
    /* oxlint-disable no-await-in-loop -- each round follows the one before */
    for (let round = 0; ; round++) {
      // Many may have begun in the same moment, as when a server is back: each has its own from then on.
      if (round > 0) await sleep(clock, round === 1 ? intervalMs * random() : intervalMs, signal);
      while (clock.now() < this.#reliefUntil) await sleep(clock, RELIEF.stepMs, signal);
      const begunAt = clock.now();
      try {
        await this.#round(signal);
      } finally {
        const tookMs = clock.now() - begunAt;
        if (tookMs > SLOW_ROUND_MS)
          this.#reliefUntil = clock.now() + Math.min(RELIEF.factor * tookMs, RELIEF.maxMs);
      }
    }
    /* oxlint-enable no-await-in-loop */
  }

  async #round(stopped: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    const doing = 'ask Eureka what changed';
    const roundMs = Math.max(ROUND_MS, intervalMs);
    const round = createController();
    const late = () =>
      round.abort(new RegistryError('DEADLINE_EXCEEDED', `${doing}: no answer within ${roundMs} ms`));
    const cancel = clock.after(roundMs, late);
    const onStop = () => {
      // What came already is unpacked to its end: nothing may hold the process for that long.
      cancel();
      round.abort(stopped.reason);
    };
    stopped.addEventListener('abort', onStop, { once: true });
    try {
      const call = { doing, signal: round.signal };
      const brief = this.#isBriefTurn ? await this.#askInBrief(call, stopped) : undefined;
      this.#isBriefTurn = !this.#isBriefTurn;
      if (brief && !this.#isBehind(brief)) return;
      await this.#look(call, stopped);
      if (brief) await this.#uncover(brief, call, stopped);
    } finally {
      cancel();
      stopped.removeEventListener('abort', onStop);
    }
  }

  /** `undefined` when the changes themselves are due. */
  async #askInBrief(call: EurekaCall, stopped: AbortSignal): Promise<Brief | undefined> {
    const { servers, clock } = this.#options;
    if (!this.#latest || clock.now() - this.#polledAt > MAX_GAP_MS) return undefined;
    const answer = await servers.changes(call, 'compact');
    stopped.throwIfAborted();
    if (!answer) return undefined;
    const { server, value: text } = answer;
    const isHeard = text === this.#heard && server === this.#mirror?.server;
    return { server, text, entries: isHeard ? [] : servers.readChanges(call, answer).value.entries };
  }

  #isBehind({ server, text, entries }: Brief): boolean {
    const isBehind = this.#mirror?.server !== server || this.#mirror.lacking(entries).length > 0;
    if (!isBehind) this.#heard = text;
    return isBehind;
  }

  /** Reads what was told in brief, and the changes lack, past the server's caches. */
  async #uncover({ server, entries }: Brief, call: EurekaCall, stopped: AbortSignal): Promise<void> {
    const { servers, pastCaches } = this.#options;
    if (this.#mirror?.server !== server) return;
    const lacking = this.#mirror.lacking(entries);
    if (lacking.length === 0) return;
    this.#distrusted = this.#latest?.text;
    this.#isBriefTurn = true;
    const found = await servers.entriesNow(call, { server, value: lacking.slice(0, LOOKED_UP_AT_ONCE) });
    stopped.throwIfAborted();
    pastCaches.add(server, found);
    if (!this.#latest) return;
    const value = pastCaches.with(this.#latest.changes);
    this.#latest = { ...this.#latest, changes: { server, value } };
    this.#tellLatest();
  }

  async #look(call: EurekaCall, stopped: AbortSignal): Promise<void> {
    const { servers, clock, pastCaches } = this.#options;
    const before = this.#mirror;
    const isLate = clock.now() - this.#polledAt > MAX_GAP_MS;
    const answer = await servers.changes(call);
    stopped.throwIfAborted();
    this.#polledAt = clock.now();
    const isOther = [before, ...this.#followers].some(
      (each) => each?.server !== undefined && each.server !== answer?.server,
    );
    const isReread = !before || isLate || isOther || !answer;
    if (isReread) {
      // At the start everyone reads its own list.
      const server = await this.#readAll(call, stopped, before !== undefined || isOther);
      if (answer?.server !== server) return;
    }
    const isNew = answer.value !== this.#latest?.text;
    if (isNew) {
      const { value } = servers.readChanges(call, answer);
      const { server } = answer;
      const entries = pastCaches.with({ server, value: value.entries });
      this.#latest = { text: answer.value, hash: value.hash, changes: { server, value: entries } };
    }
    if (isNew || isReread) this.#tellLatest();
    const hash = this.#latest?.hash;
    if (hash === undefined || hash === this.#mirror?.hash || answer.value === this.#distrusted) return;
    // What was just read may be of another moment than the changes: a server renews its answers one after the other. So the
    // same doubt waits until it has renewed both.
    if (clock.now() < this.#doubtFrom && (isReread || !isNew)) return;
    await this.#readAll(call, stopped, true);
    // They may be younger than what was just read.
    this.#tellLatest();
  }

  #tellLatest(): void {
    if (!this.#latest) return;
    const { changes } = this.#latest;
    this.#mirror?.apply(changes.value);
    for (const follower of this.#followers) follower.change(changes);
  }

  /** @returns the server that gave it. */
  async #readAll(call: EurekaCall, stopped: AbortSignal, isTold: boolean): Promise<string> {
    const { servers, clock, staleMs } = this.#options;
    const all = await servers.applications(call);
    stopped.throwIfAborted();
    this.#mirror = Mirror.of(all);
    this.#doubtFrom = clock.now() + staleMs;
    const { server, value } = all;
    if (this.#latest?.changes.server !== server) this.#latest = undefined;
    if (isTold) for (const follower of this.#followers) follower.replace({ server, value: value.entries });
    return server;
  }
}

/** What changed, without what the instances are. */
interface Brief {
  readonly server: string;
  readonly text: string;
  readonly entries: readonly Entry[];
}

interface Latest {
  readonly text: string;
  readonly hash: string | undefined;
  readonly changes: From<readonly Entry[]>;
}
