/** Something that changes now and then and may end, and one who waits for that. */
export class Waiting {
  #wake = (): void => {};
  #end: { readonly error: unknown } | undefined;

  /** Ends every wait from now on, with this error. The first end counts. */
  end(error: unknown): void {
    this.#end ??= { error };
    this.wake();
  }

  wake(): void {
    this.#wake();
  }

  /** Resolves at the next change. @throws what it ended with. */
  async changed(): Promise<void> {
    this.throwIfEnded();
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.throwIfEnded();
  }

  throwIfEnded(): void {
    if (this.#end) throw this.#end.error;
  }
}
