import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface DockerImageOptions {
  readonly image: string;
  /** Absolute paths of the programs in the image. They must run without the image's libraries. */
  readonly files: readonly string[];
}

/**
 * Copies programs out of an image, so that the server is a plain process as every other source gives: a test can freeze, kill and restart
 * it in the same way.
 */
export function dockerImage({ image, files }: DockerImageOptions): Recipe {
  return {
    name: `copy from the Docker image ${image}`,
    async obstacle() {
      if (process.platform !== 'linux') return "an image's programs run on Linux only";
      if (onPath('docker') === undefined) return 'docker is not on PATH';
      try {
        await runCommand('docker', ['info'], { timeoutMs: 5_000 });
        return undefined;
      } catch {
        return 'no Docker engine answers';
      }
    },
    async cook(into, progress) {
      const container = `rollcall-copy-${randomUUID()}`;
      await runCommand('docker', ['pull', '--quiet', image], { timeoutMs: 10 * 60_000, progress });
      await runCommand('docker', ['create', '--name', container, image]);
      try {
        for (const file of files) {
          // oxlint-disable-next-line no-await-in-loop -- large copies, one after the other
          await runCommand('docker', ['cp', `${container}:${file}`, join(into, '/')], { timeoutMs: 60_000 });
        }
      } finally {
        await runCommand('docker', ['rm', '--force', container]);
      }
      return `Docker image ${image}`;
    },
  };
}
