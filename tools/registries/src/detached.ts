import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { cacheFolder } from './cache.ts';
import type { RunningRegistry } from './contract.ts';
import { readJsonObject } from './json-file.ts';
import { until } from './until.ts';

/** A registry that was left running, as its state file tells. */
export interface Detached {
  readonly id: string;
  readonly type: string;
  readonly endpoints: readonly string[];
  readonly folder: string;
  readonly pids: readonly number[];
  readonly alive: boolean;
}

const TERM_GRACE_MS = 3_000;

/** Writes down a registry that goes on after this process, so that `down` and `status` find it. */
export function remember(registry: RunningRegistry): void {
  if (registry.folder === undefined) return;
  mkdirSync(stateFolder(), { recursive: true });
  const { type, endpoints, folder } = registry;
  const state = { type, endpoints, folder, pids: registry.nodes.map((node) => node.pid) };
  writeFileSync(join(stateFolder(), `${basename(folder)}.json`), JSON.stringify(state));
}

/** All registries that were left running, those that ended since then as well. */
export function remembered(): Detached[] {
  let files: string[];
  try {
    files = readdirSync(stateFolder());
  } catch {
    return []; // nothing was ever left running
  }
  return files.flatMap((file) => {
    const state = readJsonObject(join(stateFolder(), file));
    if (typeof state?.['type'] !== 'string' || typeof state['folder'] !== 'string') return [];
    const { type, folder } = state;
    const pids = array(state['pids']).filter((pid) => typeof pid === 'number');
    const endpoints = array(state['endpoints']).filter((endpoint) => typeof endpoint === 'string');
    const alive = pids.some((pid) => runsIn(pid, folder));
    return [{ id: basename(file, '.json'), type, endpoints, folder, pids, alive }];
  });
}

/** SIGTERM, then SIGKILL, then the folder and the state file are removed. */
export async function takeDown({ id, folder, pids }: Detached): Promise<void> {
  const running = (): number[] => pids.filter((pid) => runsIn(pid, folder));
  for (const pid of running()) process.kill(pid, 'SIGTERM');
  const gone = { what: 'servers to end', withinMs: TERM_GRACE_MS };
  try {
    await until(() => running().length === 0 || undefined, gone);
  } catch {
    for (const pid of running()) process.kill(pid, 'SIGKILL');
    await until(() => running().length === 0 || undefined, gone);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  rmSync(join(stateFolder(), `${id}.json`), { force: true });
}

/** The number alone is not enough: when a process ends, the system gives its id to another one. */
function runsIn(pid: number, folder: string): boolean {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' }).includes(folder);
  } catch {
    return false; // ps knows no such process
  }
}

function stateFolder(): string {
  return join(cacheFolder(), 'running');
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
