/**
 * MurmurHash3 of a text, 32 bits, over its UTF-16 code units
 * (A. Appleby, https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp, public domain).
 */
export function hashText(text: string, seed = 0): number {
  let hash = seed | 0;
  let i = 0;
  for (; i + 1 < text.length; i += 2) hash = mixed(hash, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
  if (i < text.length) hash ^= scrambled(text.charCodeAt(i));
  return spread(hash ^ (text.length * 2));
}

/** The hash of a whole number of 32 bits, in a sequence of its own for each seed. */
export function hashNumber(number: number, seed: number): number {
  return spread(mixed(seed | 0, number | 0) ^ 4);
}

function mixed(hash: number, block: number): number {
  const next = hash ^ scrambled(block);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

function scrambled(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

/** Every bit of the outcome depends on every bit of the hash. */
function spread(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
