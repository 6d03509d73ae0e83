/**
 * Cuts what a socket delivers into ZooKeeper's packets: four bytes of length, then as many bytes. The library's own way
 * copies all that it holds with each chunk, and calls itself for each packet that came with others.
 */
export class Frames {
  #chunks: Buffer[] = [];
  #held = 0;

  /**
   * Gives the packets that are whole now, each with its length in front.
   *
   * @throws {RangeError} for a length that no honest answer has.
   */
  *add(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    for (;;) {
      const size = this.#nextSize();
      if (size === undefined || this.#held < size) return;
      const all = this.#joined();
      this.#held -= size;
      this.#chunks = this.#held === 0 ? [] : [all.subarray(size)];
      yield all.subarray(0, size);
    }
  }

  #nextSize(): number | undefined {
    if (this.#held < 4) return undefined;
    const length = ((this.#chunks[0]?.length ?? 0) < 4 ? this.#joined() : this.#chunks[0])?.readInt32BE(0);
    if (length === undefined || length < 0 || length > MAX_BYTES)
      throw new RangeError(`a packet says that it is ${length} bytes long`);
    return length + 4;
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    if (first && this.#chunks.length === 1) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** Far above the 1 MB that servers allow by default, for those whose limit was raised. */
const MAX_BYTES = 16 * 1024 * 1024;
