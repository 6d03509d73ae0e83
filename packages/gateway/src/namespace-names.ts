/** The namespaces that this gateway knows of: no registry can list its own. */
export class NamespaceNames {
  readonly #sources: readonly (() => Iterable<string>)[];
  readonly #seen = new Set<string>();

  /** @param sources asked each time. */
  constructor(sources: readonly (() => Iterable<string>)[]) {
    this.#sources = sources;
  }

  /** Sorted. */
  get all(): readonly string[] {
    for (const source of this.#sources) for (const name of source()) this.#seen.add(name);
    return [...this.#seen].toSorted();
  }
}
