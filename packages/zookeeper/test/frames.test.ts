import { describe, expect, it } from 'vitest';
import { Frames } from '../src/frames.ts';

const packet = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};

const read = (frames: Frames, chunk: Buffer): string[] =>
  [...frames.add(chunk)].map((each) => each.subarray(4).toString());

describe('packets are cut out of what a socket delivers', () => {
  const stream = Buffer.concat(['one', '', 'three', 'four'.repeat(50)].map(packet));

  it('when they come together', () => {
    expect(read(new Frames(), stream)).toEqual(['one', '', 'three', 'four'.repeat(50)]);
  });

  it.each([1, 2, 3, 5, 7, 64])('when they come %i bytes at a time', (size) => {
    const frames = new Frames();
    const texts: string[] = [];
    for (let at = 0; at < stream.length; at += size)
      texts.push(...read(frames, stream.subarray(at, at + size)));
    expect(texts).toEqual(['one', '', 'three', 'four'.repeat(50)]);
  });

  it.each([-1, 0x7fffffff])('and a length of %i is refused', (length) => {
    const head = Buffer.alloc(4);
    head.writeInt32BE(length);
    expect(() => read(new Frames(), head)).toThrow(RangeError);
  });
});
