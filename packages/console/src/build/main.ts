/** Writes the files of the page beside the compiled package: `npm run build:page`. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { bundlePage } from './bundle-page.ts';

const FOLDER = new URL('../files/', import.meta.url);

const files = await bundlePage();
await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER);
for (const [name, body] of files) await writeFile(new URL(name, FOLDER), body);
