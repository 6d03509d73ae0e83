/** What a client and a server speak. */
export type Wire = 'http' | 'grpc' | 'zookeeper';

/** Counts the requests in what one client sends. It reads no more than it needs to tell where one begins. */
export interface RequestCounter {
  /** How many requests begin in these bytes. */
  add(chunk: Buffer): number;
}

export function requestCounter(wire: Wire): RequestCounter {
  switch (wire) {
    case 'http':
      return httpRequests();
    case 'grpc':
      return new Frames(GRPC_PREFACE, 9, (head) => ({
        size: head.readUIntBE(0, 3) + 9,
        isRequest: head[3] === HEADERS_FRAME,
      }));
    case 'zookeeper':
      return new Frames(0, 4, (head) => ({ size: head.readInt32BE(0) + 4, isRequest: true }));
    default:
      return wire satisfies never;
  }
}

/** `PRI * HTTP/2.0` and what follows, which a client of HTTP/2 sends first. */
const GRPC_PREFACE = 24;
/** It begins a call. */
const HEADERS_FRAME = 1;

/** Nobody pipelines here: a request begins with its line, at the start of what is sent at once. */
function httpRequests(): RequestCounter {
  return { add: (chunk) => (/^(?:GET|PUT|POST|DELETE) \//u.test(chunk.toString('latin1', 0, 16)) ? 1 : 0) };
}

/** Packets that say their size in a head of fixed length. */
class Frames implements RequestCounter {
  readonly #headSize: number;
  readonly #read: (head: Buffer) => { readonly size: number; readonly isRequest: boolean };
  /** Bytes to pass by before the next head. */
  #skip: number;
  #head: Buffer = Buffer.alloc(0);

  constructor(
    preface: number,
    headSize: number,
    read: (head: Buffer) => { readonly size: number; readonly isRequest: boolean },
  ) {
    this.#skip = preface;
    this.#headSize = headSize;
    this.#read = read;
  }

  add(chunk: Buffer): number {
    let requests = 0;
    for (let rest = chunk; rest.length > 0;) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, rest.length);
        this.#skip -= passed;
        rest = rest.subarray(passed);
        continue;
      }
      const wanted = this.#headSize - this.#head.length;
      this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (this.#head.length < this.#headSize) break;
      const { size, isRequest } = this.#read(this.#head);
      this.#skip = Math.max(0, size - this.#headSize);
      this.#head = Buffer.alloc(0);
      if (isRequest) requests++;
    }
    return requests;
  }
}
