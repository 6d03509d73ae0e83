import type { Clock, InstanceKey } from '@rollcall/core';

export type ChangeKind = 'registered' | 'updated' | 'deregistered' | 'expired' | 'override';

/** Something that happened to an instance. */
export interface RegistryChange extends InstanceKey {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: ChangeKind;
  /** The subject that did it, or whose instance it is. Left out where nobody knows. */
  readonly by?: string;
}

/** The last changes that this gateway made or saw, oldest first. */
export class Changes {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #changes: RegistryChange[] = [];
  readonly #listeners = new Set<(change: RegistryChange) => void>();

  constructor(options: { readonly clock: Clock; readonly size: number }) {
    this.#clock = options.clock;
    this.#size = options.size;
  }

  get all(): readonly RegistryChange[] {
    return this.#changes;
  }

  add({ namespace, service, id }: InstanceKey, kind: ChangeKind, by: string | null | undefined): void {
    const at = new Date(this.#clock.wallNow()).toISOString();
    const change: RegistryChange = { at, namespace, service, id, kind, ...(by != null && { by }) };
    this.#changes.push(change);
    if (this.#changes.length > this.#size) this.#changes.shift();
    for (const listener of this.#listeners) listener(change);
  }

  /** @returns the function that ends it. */
  listen(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
