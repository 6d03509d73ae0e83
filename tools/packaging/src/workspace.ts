import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly keywords?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** A package that is published. */
export interface PublishedPackage {
  readonly folder: string;
  /** The name of its folder, such as `core`. */
  readonly short: string;
  readonly manifest: Manifest;
}

/** Every package under `packages/`. */
export const PACKAGES: readonly PublishedPackage[] = readdirSync(join(ROOT, 'packages')).map((short) => {
  const folder = join(ROOT, 'packages', short);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return { folder, short, manifest };
});

/** The package of this name. */
export function packageNamed(name: string): PublishedPackage {
  const found = PACKAGES.find(({ manifest }) => manifest.name === name);
  if (!found) throw new Error(`there is no package ${name}`);
  return found;
}
