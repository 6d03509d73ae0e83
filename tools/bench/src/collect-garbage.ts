import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Works without `--expose-gc` on the command line, which test runners don't pass on.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects all garbage now. */
export function gc(): void {
  collect();
}

/** The bytes of live objects, once all garbage is collected. */
export function liveBytes(): number {
  // A second pass takes what only weak references and finalizers held.
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}
