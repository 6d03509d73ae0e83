import type { Clock, Registry, RegistryError } from '@rollcall/core';

export interface ServiceNamesOptions {
  readonly registry: Registry;
  readonly clock: Clock;
}

export interface NamesListener {
  onNames(names: readonly string[]): void;
  onLost(error: RegistryError): void;
}

interface Watched {
  readonly listeners: Set<NamesListener>;
  names: readonly string[] | undefined;
  failures: number;
  cancel: () => void;
  stop: AbortController;
  /** Looks at once, or again when a look is under way. */
  wake: () => void;
}

/** While somebody watches, the names are read this often, in milliseconds. */
const POLL_MS = 1_000;

/** So many failures in a row end the streams. */
const FAILURES = 3;

/** The names of the services of each namespace, read once for all who watch. */
export class ServiceNames {
  readonly #options: ServiceNamesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: ServiceNamesOptions) {
    this.#options = options;
  }

  /** @throws {RegistryError} when the registry can't say. */
  list(namespace: string, signal: AbortSignal): Promise<readonly string[]> {
    return this.#options.registry.services({ namespace, signal });
  }

  /** Tells the names now and after each change. @returns the function that ends it. */
  watch(namespace: string, listener: NamesListener): () => void {
    const watched = this.#watched.get(namespace) ?? this.#begin(namespace);
    watched.listeners.add(listener);
    if (watched.names) listener.onNames(watched.names);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      this.#end(namespace, watched);
    };
  }

  /** Something in the namespace has changed: who watches is told without waiting for the next read. */
  changed(namespace: string): void {
    this.#watched.get(namespace)?.wake();
  }

  close(): void {
    for (const [namespace, watched] of this.#watched) this.#end(namespace, watched);
  }

  #end(namespace: string, watched: Watched): void {
    this.#watched.delete(namespace);
    watched.cancel();
    watched.stop.abort();
  }

  #begin(namespace: string): Watched {
    const { clock } = this.#options;
    const stop = new AbortController();
    let isReading = false;
    let isDue = false;
    const read = async (): Promise<void> => {
      watched.cancel();
      isReading = true;
      do {
        isDue = false;
        await this.#read(namespace, watched);
      } while (isDue && !stop.signal.aborted);
      isReading = false;
      if (!stop.signal.aborted) watched.cancel = clock.after(POLL_MS, () => void read());
    };
    const watched: Watched = {
      listeners: new Set(),
      names: undefined,
      failures: 0,
      cancel: () => {},
      stop,
      wake: () => {
        if (isReading) isDue = true;
        else void read();
      },
    };
    this.#watched.set(namespace, watched);
    void read();
    return watched;
  }

  async #read(namespace: string, watched: Watched): Promise<void> {
    try {
      const names = await this.list(namespace, watched.stop.signal);
      watched.failures = 0;
      if (watched.names?.join('\n') === names.join('\n')) return;
      watched.names = names;
      for (const listener of watched.listeners) listener.onNames(names);
    } catch (error) {
      if (watched.stop.signal.aborted || ++watched.failures < FAILURES) return;
      watched.names = undefined;
      for (const listener of [...watched.listeners]) listener.onLost(error as RegistryError);
    }
  }
}
