import { createHash } from 'node:crypto';
import type { ServiceInstance } from '@rollcall/core';
import { readMarks, type Marks } from './marks.ts';

/** One entry of the registry as answers need it: each form is made once, however many ask. */
export class ListedEntry {
  readonly id: string;
  /** As clients see it: without the gateway's marks. */
  readonly instance: ServiceInstance;
  /** Left out for an entry that no gateway wrote. */
  readonly marks: Marks | undefined;
  #json: string | undefined;
  #ownedJson: string | undefined;
  #etag: string | undefined;

  constructor(entry: ServiceInstance) {
    const { instance, marks } = readMarks(entry);
    this.id = instance.id;
    this.instance = instance;
    this.marks = marks;
  }

  /** The subject that registered it; `null` when nobody knows. */
  get owner(): string | null {
    return this.marks?.owner ?? null;
  }

  /** @param withOwner for those who may override. */
  json(withOwner: boolean): string {
    if (!withOwner || !this.marks) return (this.#json ??= JSON.stringify(this.instance));
    const { owner, asked } = this.marks;
    this.#ownedJson ??= JSON.stringify({ ...this.instance, owner, ...(asked && { overrides: asked }) });
    return this.#ownedJson;
  }

  /** Changes with whatever clients see of it. */
  get etag(): string {
    this.#etag ??= etagOf(this.json(false));
    return this.#etag;
  }
}

const entries = new WeakMap<ServiceInstance, ListedEntry>();

/** The entry of an instance as the registry has it. An unchanged one is the same object from list to list. */
export function listedEntry(entry: ServiceInstance): ListedEntry {
  let listed = entries.get(entry);
  if (!listed) entries.set(entry, (listed = new ListedEntry(entry)));
  return listed;
}

/** A strong entity tag of a text. */
export function etagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}
