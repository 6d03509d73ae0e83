import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from './run.ts';
import { PACKAGES, ROOT } from './workspace.ts';

/** A packed package, as `npm pack --json` tells of it. */
export interface PackedPackage {
  readonly name: string;
  readonly tarball: string;
  /** The paths in it. */
  readonly files: readonly string[];
}

const MINUTE_MS = 60_000;

/** What a package is built and packed from; the rest of its folder is tests and earlier output. */
const SOURCES = new Set(['src', 'schema', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE']);

/**
 * Builds and packs every package in a copy of the workspace, so that nothing left over from earlier builds gets into
 * a tarball, and nobody who works in the workspace meanwhile is disturbed.
 *
 * @param folder an empty folder.
 */
export async function packAll(folder: string): Promise<readonly PackedPackage[]> {
  const workspace = join(folder, 'workspace');
  const tarballs = join(folder, 'tarballs');
  await mkdir(tarballs, { recursive: true });
  await copyWorkspace(workspace);
  await runOrThrow(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: workspace,
    timeoutMs: 4 * MINUTE_MS,
  });
  const packed: PackedPackage[] = [];
  for (const { short, manifest } of PACKAGES) {
    if (manifest.scripts?.['build:page'])
      await runOrThrow('npm', ['run', 'build:page'], { cwd: join(workspace, 'packages', short) });
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', tarballs];
    const { stdout } = await runOrThrow('npm', args, { cwd: join(workspace, 'packages', short) });
    const [told] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    const files = told.files.map(({ path }) => path);
    packed.push({ name: manifest.name, tarball: join(tarballs, told.filename), files });
  }
  return packed;
}

async function copyWorkspace(workspace: string): Promise<void> {
  for (const { short, folder } of PACKAGES) {
    const copy = join(workspace, 'packages', short);
    await mkdir(copy, { recursive: true });
    for (const entry of await readdir(folder)) {
      if (SOURCES.has(entry)) await cp(join(folder, entry), join(copy, entry), { recursive: true });
    }
  }
  for (const file of ['tsconfig.json', 'tsconfig.base.json', 'package.json']) {
    await cp(join(ROOT, file), join(workspace, file));
  }
  await linkModules(workspace);
}

/** The dependencies of the workspace, but its own packages are the copies. */
async function linkModules(workspace: string): Promise<void> {
  const modules = join(workspace, 'node_modules');
  await mkdir(join(modules, '@rollcall'), { recursive: true });
  const ours = new Set(['@rollcall', ...PACKAGES.map(({ manifest }) => manifest.name)]);
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.') && !ours.has(name))
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const { short, manifest } of PACKAGES)
    await symlink(join(workspace, 'packages', short), join(modules, ...manifest.name.split('/')));
}
