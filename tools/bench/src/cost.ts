import { gc } from './collect-garbage.ts';

/** What some work took, in milliseconds. */
export interface Cost {
  /** Of this process on all cores, garbage collection and compilation included. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Runs it once, on a clean heap. */
export async function costOf(run: () => void | Promise<void>): Promise<Cost> {
  gc();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1_000, wallMs };
}
