import { randomUUID } from 'node:crypto';
import { rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

import { readJsonObject } from './json-file.ts';
import { until } from './until.ts';

const TOUCH_EVERY_MS = 2_000;
/** A lock that nobody touched for this long belongs to a process that is gone or hangs. */
const STALE_AFTER_MS = 20_000;

interface Holder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
}

/**
 * Runs `work` while this process holds the lock file, so that of several processes one works and the others wait. A
 * lock whose holder died is taken over.
 *
 * Two processes that take over the same dead lock at the same moment could both go on. What the lock guards must bear
 * that: here, both would build the same thing in folders of their own, and the last rename wins.
 */
export async function withLock<T>(
  file: string,
  options: { readonly waitMs: number; readonly onWait?: () => void },
  work: () => Promise<T>,
): Promise<T> {
  const mine: Holder = { token: randomUUID(), host: hostname(), pid: process.pid };
  let told = false;
  await until(
    async () => {
      if (await tryCreate(file, mine)) return true;
      if (await isStale(file)) {
        await takeAway(file, mine.token);
        return undefined;
      }
      if (!told) options.onWait?.();
      told = true;
      return undefined;
    },
    { what: `the lock ${file}`, withinMs: options.waitMs, everyMs: 200 },
  );
  const touch = setInterval(() => {
    const now = new Date();
    // If the file is gone somebody took it over; the work goes on, see above.
    utimes(file, now, now).catch(() => undefined);
  }, TOUCH_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    if (holderOf(file)?.token === mine.token) await rm(file, { force: true });
  }
}

async function tryCreate(file: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > STALE_AFTER_MS) return true;
  } catch {
    return false; // gone: the next try may get it
  }
  const holder = holderOf(file);
  return holder !== undefined && holder.host === hostname() && !isAlive(holder.pid);
}

async function takeAway(file: string, token: string): Promise<void> {
  const aside = `${file}.${token}`;
  try {
    await rename(file, aside);
    await rm(aside, { force: true });
  } catch {
    // Another process was faster.
  }
}

function holderOf(file: string): Holder | undefined {
  const { token, host, pid } = readJsonObject(file) ?? {};
  if (typeof token !== 'string' || typeof host !== 'string' || typeof pid !== 'number') return undefined;
  return { token, host, pid };
}

/** Whether a process with this id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
