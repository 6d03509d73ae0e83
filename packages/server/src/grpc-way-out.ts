import type { GrpcServerLike } from './server-kind.ts';
import { observeCalls } from './observe-events.ts';
import type { WayOut } from './way-out.ts';

/**
 * A gRPC server leaves with its own means: `tryShutdown` sends GOAWAY, after which clients begin no call on that
 * connection, and try those again elsewhere that crossed it. It doesn't tell how many calls it has.
 */
export class GrpcWayOut implements WayOut {
  readonly underWay = undefined;
  readonly cut = undefined;
  readonly #server: GrpcServerLike;
  readonly #release: readonly (() => void)[];
  #closed: Promise<void> | undefined;
  #wasCut = false;

  /** @param onClosing told when somebody else shuts the server down. */
  constructor(server: GrpcServerLike, onClosing: () => void) {
    this.#server = server;
    const methods = server as unknown as Record<'tryShutdown' | 'forceShutdown', () => unknown>;
    const told = () => {
      if (!this.#closed) onClosing();
    };
    this.#release = [
      observeCalls(methods, 'tryShutdown', told),
      observeCalls(methods, 'forceShutdown', told),
    ];
  }

  get wasCut(): boolean {
    return this.#wasCut;
  }

  leave(): void {}

  async stopAccepting(): Promise<void> {
    // How it ends is told to who waits for the work under way.
    this.#close().catch(() => {});
  }

  async finish(cut: AbortSignal): Promise<void> {
    const closed = this.#close();
    const onCut = () => {
      this.#wasCut = true;
      this.#server.forceShutdown();
    };
    cut.addEventListener('abort', onCut, { once: true });
    if (cut.aborted) onCut();
    try {
      await closed;
    } finally {
      cut.removeEventListener('abort', onCut);
    }
  }

  release(): void {
    for (const end of this.#release) end();
  }

  #close(): Promise<void> {
    if (this.#closed) return this.#closed;
    const { promise, resolve, reject } = withResolvers();
    this.#closed = promise;
    this.#server.tryShutdown((error) => (error ? reject(error) : resolve()));
    return promise;
  }
}

/** `Promise.withResolvers` came with Node 22. */
function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
} {
  let resolve = (): void => {};
  let reject = (_error: Error): void => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
