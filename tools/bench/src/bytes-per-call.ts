import { gc } from './collect-garbage.ts';

/** Calls between two looks at the heap: too few for a collection. */
const SLICE = 50_000;

/** What a call allocates, in bytes, over so many calls. */
export function bytesPerCall(call: () => void, calls: number): number {
  for (let i = 0; i < SLICE; i++) call();
  gc();
  let grown = 0;
  for (let done = 0; done < calls; done += SLICE) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < SLICE; i++) call();
    // A slice in which a collection ran shrinks; the others tell.
    grown += Math.max(0, process.memoryUsage().heapUsed - before);
  }
  return grown / calls;
}
