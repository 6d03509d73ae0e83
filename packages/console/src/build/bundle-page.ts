import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

/** Beside `src/build` as well as `dist/build`. */
const PAGE = new URL('../../src/page/', import.meta.url);

const STATIC_FILES = ['index.html', 'icon.svg'];

/** Each understands `light-dark()`, the youngest feature that the page needs. */
const BROWSERS = ['chrome123', 'firefox120', 'safari17.5'];

/** Makes the files of the page from its source. Nothing is written. */
export async function bundlePage(): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(PAGE),
    entryPoints: { console: 'console.tsx', theme: 'early-theme.ts', style: 'styles/console.css' },
    outdir: 'out',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    target: BROWSERS,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    tsconfigRaw: {},
    logLevel: 'silent',
  });
  const files = new Map<string, Uint8Array>();
  for (const { path, contents } of outputFiles) files.set(basename(path), contents);
  for (const name of STATIC_FILES) files.set(name, await readFile(new URL(name, PAGE)));
  files.set('licenses.txt', await licensesOf(metafile));
  return files;
}

/** The licences of the libraries that are inside the bundle: each asks to go wherever its code goes. */
async function licensesOf({ inputs }: Metafile): Promise<Uint8Array> {
  const folders = new Set<string>();
  for (const path of Object.keys(inputs)) {
    const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/u.exec(path)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  const texts = await Promise.all(
    [...folders].toSorted().map(async (folder) => {
      const name = folder.replace(/^.*\/node_modules\//u, '');
      return `${name}\n\n${await readFile(new URL(`${folder}/LICENSE`, PAGE), 'utf8')}`;
    }),
  );
  return Buffer.from(texts.join(`\n${'-'.repeat(80)}\n\n`));
}
