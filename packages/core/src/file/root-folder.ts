import { lstat, mkdir } from 'node:fs/promises';
import { RegistryError } from '../errors.ts';
import type { Layout } from './layout.ts';

/**
 * Makes the registry's folders where they are missing.
 *
 * @param isDefault whether the user named no folder, so that it stands in the system's temporary folder. That is
 * open to every user of the machine: another could have made ours first, to read and change what we list.
 */
export async function makeRoot({ root, leases, temporary }: Layout, isDefault: boolean): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  if (isDefault) await checkOwner(root);
  await mkdir(leases, { recursive: true });
  await mkdir(temporary, { recursive: true });
}

async function checkOwner(dir: string): Promise<void> {
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const stats = await lstat(dir);
  if (!stats.isDirectory()) throw refusal(dir, 'is a link or a file, not a folder');
  if (stats.uid !== uid) throw refusal(dir, `belongs to another user (id ${stats.uid})`);
  if ((stats.mode & 0o022) !== 0) throw refusal(dir, 'can be written by other users');
}

function refusal(dir: string, problem: string): RegistryError {
  return new RegistryError(
    'PERMISSION_DENIED',
    `open the registry: ${dir} ${problem}: remove it, or set registry.options.dir to a folder of your own`,
    { field: 'dir' },
  );
}
