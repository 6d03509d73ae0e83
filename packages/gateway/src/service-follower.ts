import { randomBytes } from 'node:crypto';
import type { RegistryError, ServiceKey, ServiceView, SkippedEntry, Snapshot } from '@rollcall/core';
import { listedEntry, type ListedEntry } from './listed-entry.ts';

/** One step from a list to the next. */
export interface ListDelta {
  /** The version of the list that it leads to. */
  readonly version: number;
  readonly put: readonly ListedEntry[];
  readonly removed: readonly ListedEntry[];
  readonly skipped: readonly SkippedEntry[];
  readonly revision: string | undefined;
}

/** Who wants to know of every change of a service. */
export interface FollowerListener {
  onDelta?(delta: ListDelta): void;
  /** The list no longer follows the registry. */
  onLost?(error: RegistryError): void;
}

export interface ServiceFollowerOptions {
  /** How many deltas are kept for those who come back. */
  readonly history: number;
  /** Called with every change, before any listener. */
  readonly onDelta: (delta: ListDelta) => void;
}

/**
 * One service as all requests and streams see it: the list, its version, and the last changes. The work of a change is
 * done once, however many watch.
 *
 * A version counts within an epoch, which is another one in each gateway and after each start.
 */
export class ServiceFollower {
  readonly key: ServiceKey;
  readonly epoch = randomBytes(6).toString('base64url');
  /** Set by every use; the owner of the followers lets go of those that stay unused. */
  used = true;
  readonly #view: ServiceView;
  readonly #historySize: number;
  readonly #onDelta: (delta: ListDelta) => void;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<FollowerListener>();
  #entries: ReadonlyMap<string, ListedEntry> = new Map();
  #history: ListDelta[] = [];
  #version = 0;
  #snapshot: Snapshot | undefined;
  #text: { readonly version: number; readonly plain?: string; readonly owned?: string } = { version: -1 };

  constructor(view: ServiceView, { history, onDelta }: ServiceFollowerOptions) {
    this.key = view.key;
    this.#view = view;
    this.#historySize = history;
    this.#onDelta = onDelta;
    this.#unsubscribe = view.subscribe((snapshot) => this.#apply(snapshot));
  }

  get version(): number {
    return this.#version;
  }

  get entries(): ReadonlyMap<string, ListedEntry> {
    return this.#entries;
  }

  /** Names this list: `<epoch>:<version>`. */
  get position(): string {
    return `${this.epoch}:${this.#version}`;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** How long ago the registry last confirmed the list, in milliseconds. */
  get ageMs(): number {
    return (this.#view.snapshot ?? this.#snapshot)?.ageMs ?? 0;
  }

  get revision(): string | undefined {
    return this.#snapshot?.revision;
  }

  get skipped(): readonly SkippedEntry[] {
    return this.#view.skipped;
  }

  /** Why the list doesn't follow the registry now. */
  get lost(): RegistryError | undefined {
    return this.#view.status === 'stale' ? this.#view.error : undefined;
  }

  /** Resolves once there is a list, which may be an old one: see {@link lost}. */
  async load(signal: AbortSignal): Promise<void> {
    this.used = true;
    this.#apply(await this.#view.load({ signal }));
  }

  /** Calls the listener from now on. @returns the function that ends it. */
  listen(listener: FollowerListener): () => void {
    this.used = true;
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was told after a position; `undefined` when the history doesn't reach that far. */
  since(position: string): readonly ListDelta[] | undefined {
    const [epoch, digits = ''] = position.split(':');
    if (epoch !== this.epoch || !/^\d{1,15}$/.test(digits)) return undefined;
    const version = Number(digits);
    if (version > this.#version) return undefined;
    if (version === this.#version) return [];
    const [oldest] = this.#history;
    if (!oldest || oldest.version > version + 1) return undefined;
    return this.#history.filter((delta) => delta.version > version);
  }

  /** The JSON array of all instances. */
  listText(withOwner: boolean): string {
    if (this.#text.version !== this.#version) this.#text = { version: this.#version };
    const form = withOwner ? 'owned' : 'plain';
    const known = this.#text[form];
    if (known !== undefined) return known;
    const text = arrayText(this.#entries.values(), withOwner);
    this.#text = { ...this.#text, [form]: text };
    return text;
  }

  /** Part of the followers: the registry told of an entry that can't be read. */
  onSkipped(entry: SkippedEntry): void {
    this.#tell({ put: [], removed: [], skipped: [entry] });
  }

  /** Part of the followers: the list no longer follows the registry. */
  onLost(error: RegistryError): void {
    for (const listener of this.#listeners) listener.onLost?.(error);
  }

  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #apply(snapshot: Snapshot): void {
    if (this.#snapshot === snapshot) return;
    const isFirst = this.#snapshot === undefined;
    this.#snapshot = snapshot;
    const entries = new Map<string, ListedEntry>();
    const put: ListedEntry[] = [];
    for (const instance of snapshot.instances) {
      const entry = listedEntry(instance);
      entries.set(entry.id, entry);
      if (this.#entries.get(entry.id) !== entry) put.push(entry);
    }
    const removed = Array.from(this.#entries.values()).filter(({ id }) => !entries.has(id));
    this.#entries = entries;
    if (!isFirst && put.length + removed.length === 0) return;
    this.#tell({ put, removed, skipped: [] });
  }

  #tell(change: Pick<ListDelta, 'put' | 'removed' | 'skipped'>): void {
    const delta: ListDelta = { version: ++this.#version, revision: this.#snapshot?.revision, ...change };
    this.#history.push(delta);
    if (this.#history.length > this.#historySize) this.#history.shift();
    this.#onDelta(delta);
    for (const listener of this.#listeners) listener.onDelta?.(delta);
  }
}

/** The JSON array of entries. */
export function arrayText(entries: Iterable<ListedEntry>, withOwner: boolean): string {
  return `[${Array.from(entries, (entry) => entry.json(withOwner)).join(',')}]`;
}
