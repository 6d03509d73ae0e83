import type { InstanceOverride } from '@rollcall/core';

/** Keeps overrides over a restart. */
export interface OverrideJournal {
  saveOverride(identity: string, override: InstanceOverride): Promise<void>;
  deleteOverride(identity: string): Promise<void>;
}

export interface OverridesOptions {
  /** How many are kept of instances that have left. */
  readonly max: number;
  /** Whether the instance is listed by this gateway now. */
  readonly isListed: (identity: string) => boolean;
  readonly journal: OverrideJournal | undefined;
}

/**
 * What operators have set, by `identityOf` an instance. It is kept when the instance leaves, so that one which comes back is as it was set;
 * beyond `max`, what was set first is forgotten first.
 */
export class Overrides {
  readonly #options: OverridesOptions;
  readonly #overrides = new Map<string, InstanceOverride>();

  constructor(options: OverridesOptions) {
    this.#options = options;
  }

  get(identity: string): InstanceOverride | undefined {
    return this.#overrides.get(identity);
  }

  /** What an earlier run knew. */
  restore(identity: string, override: InstanceOverride): void {
    this.#overrides.set(identity, override);
  }

  /** Resolves when the journal has it. An empty override is none. */
  async keep(identity: string, override: InstanceOverride): Promise<void> {
    const { journal } = this.#options;
    const wasKept = this.#overrides.delete(identity);
    if (Object.keys(override).length === 0) {
      if (wasKept) await journal?.deleteOverride(identity);
      return;
    }
    this.#overrides.set(identity, override);
    const forgotten = this.#forgetTooMany();
    if (!journal) return;
    await journal.saveOverride(identity, override);
    await Promise.all(forgotten.map((each) => journal.deleteOverride(each)));
  }

  #forgetTooMany(): readonly string[] {
    const { max, isListed } = this.#options;
    const forgotten: string[] = [];
    let tooMany = this.#overrides.size - max;
    if (tooMany <= 0) return forgotten;
    for (const identity of this.#overrides.keys()) {
      if (tooMany === 0) break;
      if (isListed(identity)) continue;
      this.#overrides.delete(identity);
      forgotten.push(identity);
      tooMany--;
    }
    return forgotten;
  }
}
