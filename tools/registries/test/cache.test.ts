import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { cacheFolder, lastFailure, prepare, type Prepared, prepared } from '../src/cache.ts';
import type { Recipe } from '../src/recipes/recipe.ts';

let folder: string;
let told: string[];
const options = { progress: (line: string) => void told.push(line) };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-cache-test-'));
  vi.stubEnv('ROLLCALL_CACHE', folder);
  told = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('prepare', () => {
  it('cooks once when several ask at the same time, and the others wait for it', async () => {
    const recipe = new CountingRecipe('good');
    const all = await Promise.all([1, 2, 3].map(() => prepare(wanting(recipe), options)));
    expect(recipe.cooked).toBe(1);
    expect(new Set(all.map((each) => each.path('thing'))).size).toBe(1);
    expect(told).toContain('another process prepares it now, waiting for that');
  });

  it('leaves nothing but the finished folder', async () => {
    await prepare(wanting(new CountingRecipe('good')), options);
    expect(await readdir(folder)).toEqual([`thing-1.0-${process.platform}-${process.arch}`]);
  });

  it('takes over the lock of a process that died', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    const lock = join(folder, `thing-1.0-${process.platform}-${process.arch}.lock`);
    await writeFile(lock, JSON.stringify({ token: 'x', host: hostname(), pid }));
    const recipe = new CountingRecipe('good');
    await prepare(wanting(recipe), options);
    expect(recipe.cooked).toBe(1);
  });

  it('goes on to the next recipe when one fails or does not fit the machine', async () => {
    const good = new CountingRecipe('good');
    const unfit = new CountingRecipe('unfit', { obstacle: 'no oven' });
    const programs = await prepare(wanting(unfit, new CountingRecipe('bad', { fails: true }), good), options);
    expect(programs.source).toBe('cache (good)');
    expect(unfit.cooked).toBe(0);
  });

  it('says for each recipe why it did not work, and remembers it', async () => {
    const unfit = new CountingRecipe('unfit', { obstacle: 'no oven' });
    const wanted = wanting(unfit, new CountingRecipe('bad', { fails: true }));
    await expect(prepare(wanted, options)).rejects.toThrow(/unfit: no oven\n- bad: burnt/);
    expect(lastFailure(wanted)).toContain('no oven');
    expect(prepared(wanted)).toBeUndefined();
  });

  it('prepares another version beside the first', async () => {
    const recipe = new CountingRecipe('good');
    await prepare(wanting(recipe), options);
    expect(prepared({ ...wanting(recipe), version: '2.0' })).toBeUndefined();
    await prepare({ ...wanting(recipe), version: '2.0' }, options);
    expect(prepared(wanting(recipe))).toBeDefined();
    expect(recipe.cooked).toBe(2);
  });

  it('does not take a folder without a stamp for a finished one', async () => {
    const wanted = wanting(new CountingRecipe('good'));
    await prepare(wanted, options);
    await rm(join(folder, `thing-1.0-${process.platform}-${process.arch}`, 'prepared.json'));
    expect(prepared(wanted)).toBeUndefined();
  });
});

describe('cacheFolder', () => {
  it('is ROLLCALL_CACHE, else below XDG_CACHE_HOME, else below the home folder', () => {
    expect(cacheFolder({ ROLLCALL_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe(join('/b', 'rollcall'));
    expect(cacheFolder({})).toMatch(/\.cache.rollcall$/);
  });
});

function wanting(...recipes: Recipe[]): Prepared {
  return { type: 'thing', version: '1.0', programs: ['thing'], recipes };
}

class CountingRecipe implements Recipe {
  cooked = 0;
  readonly name: string;
  readonly #how: { obstacle?: string; fails?: boolean };

  constructor(name: string, how: { obstacle?: string; fails?: boolean } = {}) {
    this.name = name;
    this.#how = how;
  }

  obstacle(): Promise<string | undefined> {
    return Promise.resolve(this.#how.obstacle);
  }

  async cook(into: string): Promise<string> {
    this.cooked++;
    if (this.#how.fails) throw new Error('burnt');
    await writeFile(join(into, 'thing'), '#!/bin/sh\n');
    await chmod(join(into, 'thing'), 0o755);
    return this.name;
  }
}
