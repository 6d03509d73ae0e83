/** How often one must fail, or not, until it counts. */
export interface JudgementOptions {
  /** So many looks in a row that fail, and it is ill. */
  readonly failures: number;
  /** So many in a row that don't, and it is well again. */
  readonly successes: number;
}

/** Whether somebody is well, by what looks at him found. He is taken for well at first. */
export class Judgement {
  readonly #options: JudgementOptions;
  #isWell = true;
  #inRow = 0;
  #lastFailed = false;
  #reason: Error | undefined;

  constructor(options: JudgementOptions) {
    this.#options = options;
  }

  get isWell(): boolean {
    return this.#isWell;
  }

  /** Looks in a row that ended as the last one did; 0 before the first. */
  get inRow(): number {
    return this.#inRow;
  }

  /** Why the last look failed; `undefined` when it didn't. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /**
   * Takes a look in.
   *
   * @param isSure whether this one look is enough.
   * @returns whether he is well now and wasn't, or the other way round.
   */
  note(reason: Error | undefined, isSure = false): boolean {
    const hasFailed = reason !== undefined;
    this.#inRow = this.#lastFailed === hasFailed ? this.#inRow + 1 : 1;
    this.#lastFailed = hasFailed;
    this.#reason = reason;
    const { failures, successes } = this.#options;
    const isEnough = isSure || this.#inRow >= (hasFailed ? failures : successes);
    if (this.#isWell !== hasFailed || !isEnough) return false;
    this.#isWell = !hasFailed;
    return true;
  }
}
