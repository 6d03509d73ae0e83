import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { formatted } from '@rollcall-tools/pages';

import type { PeerProgram } from '../peer-programs.ts';

/** What one framework wrote into one kind of registry. */
export interface GoldenFile {
  /** The package whose tests read it: `etcd`. */
  readonly registry: string;
  /** The file's name without its ending: `kratos`. */
  readonly name: string;
  readonly program: PeerProgram;
  /** Those of the program's frameworks that wrote it. */
  readonly by: readonly string[];
  /** The raw entries, each under a few words that say what is special in it. */
  readonly entries: Readonly<Record<string, unknown>>;
}

/** Writes `packages/<registry>/test/golden/<name>.json`. The same entries give the same file. */
export async function writeGolden({ registry, name, program, by, entries }: GoldenFile): Promise<void> {
  const file = fileURLToPath(
    new URL(`../../../../packages/${registry}/test/golden/${name}.json`, import.meta.url),
  );
  const writtenBy = Object.fromEntries(by.map((framework) => [framework, program.frameworks[framework]]));
  const text = JSON.stringify({ writtenBy, entries });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await formatted(file, text));
  process.stdout.write(`${file}: ${Object.keys(entries).length} entries\n`);
}

/** When everything happened, in golden files: the start of 2026. */
export const STEADY_MS = Date.UTC(2026, 0, 1);

/** The same, with these values in place of whatever stands under their keys, at any depth. */
export function steady(value: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (Array.isArray(value)) return value.map((item) => steady(item, values));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      Object.hasOwn(values, key) ? values[key] : steady(inner, values),
    ]),
  );
}
