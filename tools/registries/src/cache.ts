import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

import { withLock } from './cache-lock.ts';
import type { Progress } from './contract.ts';
import { readJsonObject } from './json-file.ts';
import { type Programs, programsIn } from './programs.ts';
import type { Recipe } from './recipes/recipe.ts';

/** One prepared server: what it is and how it can be had. */
export interface Prepared {
  readonly type: string;
  /** The version that is prepared; part of the folder's name, so that another version is prepared beside it. */
  readonly version: string;
  readonly programs: readonly string[];
  /** Tried in this order. */
  readonly recipes: readonly Recipe[];
}

const STAMP = 'prepared.json';
/** The longest that a process waits for another one that prepares the same server. */
const WAIT_FOR_OTHER_MS = 30 * 60_000;

/** `$ROLLCALL_CACHE`, else `$XDG_CACHE_HOME/rollcall`, else `~/.cache/rollcall`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['ROLLCALL_CACHE']) return env['ROLLCALL_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rollcall');
}

/** What an earlier `prepare()` left in the cache, or undefined. */
export function prepared(wanted: Prepared): Programs | undefined {
  const folder = folderOf(wanted);
  const stamp = readJsonObject(join(folder, STAMP));
  if (stamp?.['version'] !== wanted.version) return undefined;
  return programsIn(folder, wanted.programs, `cache (${String(stamp['source'])})`);
}

/** Why the last `prepare()` failed, or undefined. */
export function lastFailure(wanted: Prepared): string | undefined {
  const reason = readJsonObject(`${folderOf(wanted)}.failed.json`)?.['reason'];
  return typeof reason === 'string' ? reason : undefined;
}

/**
 * Prepares a server in the cache, once: of several processes one works while the others wait, and the finished folder appears
 * whole, by a rename. Rejects when no recipe works, saying why for each.
 */
export async function prepare(
  wanted: Prepared,
  options: { readonly progress: Progress; readonly force?: boolean },
): Promise<Programs> {
  const ready = options.force ? undefined : prepared(wanted);
  if (ready) return ready;
  const folder = folderOf(wanted);
  await mkdir(cacheFolder(), { recursive: true });
  return withLock(
    `${folder}.lock`,
    {
      waitMs: WAIT_FOR_OTHER_MS,
      onWait: () => options.progress('another process prepares it now, waiting for that'),
    },
    async () => {
      const byOther = options.force ? undefined : prepared(wanted);
      if (byOther) return byOther;
      await removeLeftovers(folder);
      try {
        return await cook(wanted, folder, options.progress);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        await writeFile(`${folder}.failed.json`, JSON.stringify({ reason }));
        throw error;
      }
    },
  );
}

async function cook(wanted: Prepared, folder: string, progress: Progress): Promise<Programs> {
  const refusals: string[] = [];
  /* oxlint-disable no-await-in-loop -- the next recipe is for when the one before failed */
  for (const recipe of wanted.recipes) {
    const obstacle = await recipe.obstacle();
    if (obstacle !== undefined) {
      refusals.push(`${recipe.name}: ${obstacle}`);
      continue;
    }
    const making = `${folder}.tmp-${randomUUID()}`;
    try {
      await mkdir(making, { recursive: true });
      progress(`${recipe.name}, into ${folder}`);
      const source = await recipe.cook(making, progress);
      const stamp = {
        type: wanted.type,
        version: wanted.version,
        source,
        preparedAt: new Date().toISOString(),
      };
      await writeFile(join(making, STAMP), JSON.stringify(stamp));
      await rm(folder, { recursive: true, force: true });
      await rename(making, folder);
    } catch (error) {
      await rm(making, { recursive: true, force: true });
      refusals.push(`${recipe.name}: ${error instanceof Error ? error.message : String(error)}`);
      progress(`${recipe.name} did not work`);
      continue;
    }
    const made = prepared(wanted);
    if (made) {
      await rm(`${folder}.failed.json`, { force: true });
      progress(`ready: ${folder}`);
      return made;
    }
    refusals.push(`${recipe.name}: ${wanted.programs.join(' or ')} is missing from what it made`);
  }
  /* oxlint-enable no-await-in-loop */
  throw new Error(`${wanted.type} can't be prepared on this machine:\n- ${refusals.join('\n- ')}`);
}

async function removeLeftovers(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.tmp-`;
  const names = (await readdir(cacheFolder())).filter((name) => name.startsWith(prefix));
  await Promise.all(names.map((name) => rm(join(cacheFolder(), name), { recursive: true, force: true })));
}

function folderOf(wanted: Prepared): string {
  return join(cacheFolder(), `${wanted.type}-${wanted.version}-${process.platform}-${process.arch}`);
}
