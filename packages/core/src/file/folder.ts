import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { errno } from './failure.ts';

/**
 * `undefined` when the folder doesn't exist. A link in its place is refused as no folder: it would lead out of the
 * registry.
 */
export async function statFolder(path: string): Promise<Stats | undefined> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) return stats;
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
  throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR', syscall: 'lstat', path });
}

/** Nothing when the folder doesn't exist. */
export async function readFolder(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes a file, if it is there. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}
