import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface NpmPackageOptions {
  /** With its version: `moleculer@0.14.35`. */
  readonly packages: readonly string[];
  /** The file that is made: a CommonJS module that exports `name`, one of the packages. */
  readonly program: string;
  readonly name: string;
}

/** Installs packages into a folder of their own, where they can't stand in the way of the workspace's. No script of theirs runs. */
export function npmPackage({ packages, program, name }: NpmPackageOptions): Recipe {
  return {
    name: 'install with npm',
    obstacle: () => Promise.resolve(onPath('npm') === undefined ? 'npm is not on PATH' : undefined),
    async cook(into, progress) {
      await writeFile(join(into, 'package.json'), '{ "private": true }');
      progress(`installing ${packages.join(', ')}`);
      const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=peer'];
      await runCommand('npm', ['install', ...flags, ...packages], {
        cwd: into,
        timeoutMs: 5 * 60_000,
        progress,
      });
      await writeFile(join(into, program), `module.exports = require(${JSON.stringify(name)});\n`, {
        mode: 0o755,
      });
      return 'npm';
    },
  };
}
