import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface DebianPackageOptions {
  readonly packages: readonly string[];
  /** Paths of the programs in the packages, relative to the root: `usr/bin/etcd`. */
  readonly files: readonly string[];
}

/** Downloads Debian packages and unpacks them, without installing anything. The version is the distribution's. */
export function debianPackage({ packages, files }: DebianPackageOptions): Recipe {
  return {
    name: `unpack the Debian packages ${packages.join(', ')}`,
    obstacle() {
      const missing = ['apt-get', 'dpkg-deb'].find((name) => onPath(name) === undefined);
      return Promise.resolve(missing === undefined ? undefined : `${missing} is not on PATH`);
    },
    async cook(into, progress) {
      const scratch = await mkdtemp(join(tmpdir(), 'rollcall-debian-'));
      const apt = (args: readonly string[]): Promise<string> =>
        runCommand('apt-get', args, { cwd: scratch, timeoutMs: 5 * 60_000, progress });
      try {
        progress(`downloading ${packages.join(', ')}`);
        try {
          await apt(['download', ...packages]);
        } catch (error) {
          // No package lists yet, or old ones. Only root may fetch them.
          if (process.getuid?.() !== 0) throw error;
          progress('fetching the package lists');
          await apt(['update']);
          await apt(['download', ...packages]);
        }
        const archives = (await readdir(scratch)).filter((name) => name.endsWith('.deb'));
        for (const archive of archives) {
          // oxlint-disable-next-line no-await-in-loop -- they unpack into the same folder
          await runCommand('dpkg-deb', ['-x', archive, 'root'], { cwd: scratch, timeoutMs: 60_000 });
        }
        await Promise.all(
          files.map((file) => copyFile(join(scratch, 'root', file), join(into, basename(file)))),
        );
        return archives.map((archive) => decodeURIComponent(archive.replace(/\.deb$/, ''))).join(', ');
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}
