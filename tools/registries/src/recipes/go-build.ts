import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface GoBuildOptions {
  /** Modules with their versions, as `go get` wants them. */
  readonly modules: readonly string[];
  /** Program name → the package that is its main. */
  readonly programs: Readonly<Record<string, string>>;
  /** The oldest Go that compiles them, such as `1.26`. */
  readonly goVersion: string;
  /** Go files of a program of our own: file name → text. Its package is `.`. */
  readonly sources?: Readonly<Record<string, string>>;
}

const LONG_MS = 30 * 60_000;

/**
 * Builds programs from Go modules. They are dependencies of an empty module here, because `go install module@version` refuses modules
 * that hold replace directives, as etcd's do.
 */
export function goBuild(options: GoBuildOptions): Recipe {
  const env = {
    ...process.env,
    GOFLAGS: '-buildvcs=false',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    CGO_ENABLED: '0',
  };
  return {
    name: 'build with Go',
    async obstacle() {
      const needed = `Go ${options.goVersion} or newer`;
      if (onPath('go') === undefined) return `${needed} is needed and go is not on PATH`;
      const version = (await runCommand('go', ['env', 'GOVERSION'], { env })).trim();
      return isAtLeast(version, options.goVersion) ? undefined : `${needed} is needed, here is ${version}`;
    },
    async cook(into, progress) {
      const scratch = await mkdtemp(join(tmpdir(), 'rollcall-go-'));
      const go = (args: readonly string[], title: string): Promise<string> =>
        runCommand('go', args, { cwd: scratch, env, timeoutMs: LONG_MS, progress, title });
      try {
        await go(['mod', 'init', 'rollcall.invalid/registries'], 'go mod init');
        progress('fetching Go modules');
        await go(['get', ...options.modules], 'go get');
        if (options.sources) {
          const files = Object.entries(options.sources);
          await Promise.all(files.map(([name, text]) => writeFile(join(scratch, name), text)));
          // What the packages that they import need besides.
          await go(['get', '.'], 'go get .');
        }
        for (const [name, main] of Object.entries(options.programs)) {
          progress(`building ${name} (a minute or two on a small machine)`);
          // oxlint-disable-next-line no-await-in-loop -- each build uses every core
          await go(
            ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(into, name), main],
            `go build ${name}`,
          );
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      return 'built with Go';
    },
  };
}

/** Whether `go1.26.8` is at least `1.26`. */
export function isAtLeast(goVersion: string, needed: string): boolean {
  const have = numbersOf(goVersion);
  for (const [index, want] of numbersOf(needed).entries()) {
    const got = have[index] ?? 0;
    if (got !== want) return got > want;
  }
  return true;
}

function numbersOf(version: string): number[] {
  return version
    .replace(/^go/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
}
