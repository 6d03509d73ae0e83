import type { Dispatcher } from 'undici';

type Body = Dispatcher.DispatchOptions['body'];

/** The body of a request that may be sent more than once. */
export interface RequestBody {
  /** Whether all of it can be sent now: nothing was used up yet, or what was is still there. */
  readonly isWhole: boolean;
  /** Whether two tries may send it at the same time. */
  readonly isShared: boolean;
  /** What its source threw: no server's fault. */
  readonly error: unknown;
  /** What the next try sends. A try before it gets no more. */
  next(): Body;
  /** Nobody sends it any more. */
  close(): void;
}

/** @param keepBytes how much of a stream is kept to be sent again. */
export function requestBody(body: Body, keepBytes: number): RequestBody {
  if (body === null || body === undefined) return NO_BODY;
  if (isStream(body)) return new StreamedBody(body, keepBytes);
  return { isWhole: true, isShared: true, error: undefined, next: () => body, close() {} };
}

const NO_BODY: RequestBody = {
  isWhole: true,
  isShared: true,
  error: undefined,
  next: () => null,
  close() {},
};

/** Text, bytes and forms can be sent any number of times. */
function isStream(body: unknown): body is AsyncIterable<Chunk> {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false;
  return Symbol.asyncIterator in body;
}

type Chunk = Uint8Array | string;

/** A stream is read once; its beginning is kept, for the next try to send again before it reads on. */
class StreamedBody implements RequestBody {
  readonly isShared = false;
  error: unknown;
  readonly #source: AsyncIterator<Chunk>;
  readonly #keepBytes: number;
  #kept: Chunk[] = [];
  #keptBytes = 0;
  #isOverfull = false;
  /** What one try began to read and didn't get any more. */
  #pending: Promise<IteratorResult<Chunk>> | undefined;
  #current = 0;

  constructor(source: AsyncIterable<Chunk>, keepBytes: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#keepBytes = keepBytes;
  }

  get isWhole(): boolean {
    return !this.#isOverfull;
  }

  next(): Body {
    // undici takes any iterable, https://undici.nodejs.org/#/docs/api/Dispatcher.md; its types don't say so.
    return this.#send(++this.#current) as unknown as Body;
  }

  close(): void {
    this.#current++;
    this.#kept = [];
    this.#isOverfull = true;
    Promise.resolve(this.#source.return?.()).catch(() => {});
  }

  async *#send(mine: number): AsyncGenerator<Chunk, void> {
    for (const chunk of this.#kept) yield chunk;
    for (;;) {
      this.#pending ??= this.#read();
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      const result = await this.#pending;
      // Another try reads on.
      if (mine !== this.#current) return;
      this.#pending = undefined;
      if (result.done === true) return;
      this.#keep(result.value);
      yield result.value;
    }
  }

  async #read(): Promise<IteratorResult<Chunk>> {
    try {
      return await this.#source.next();
    } catch (error) {
      this.error = error;
      throw error;
    }
  }

  #keep(chunk: Chunk): void {
    this.#keptBytes += Buffer.byteLength(chunk);
    if (this.#isOverfull || this.#keptBytes > this.#keepBytes) {
      this.#isOverfull = true;
      this.#kept = [];
    } else this.#kept.push(chunk);
  }
}
