import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** A file of the page. */
export interface ConsoleFile {
  /** For the header `content-type`. */
  readonly contentType: string;
  /** For the header `etag`, quotes included; a hash of the body. */
  readonly etag: string;
  readonly body: Uint8Array;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const BUILT = new URL('./files/', import.meta.url);

let files: Promise<ReadonlyMap<string, ConsoleFile>> | undefined;

/**
 * The files of the page by their names: `index.html`, and what it asks for from beside it. Serve exactly these, with
 * `CONSOLE_HEADERS`, in one folder; `index.html` is also the folder's own answer.
 *
 * They are read once. In a checkout that isn't built they are bundled from source instead, in some hundred milliseconds.
 *
 * @throws when the package is incomplete.
 */
export function consoleFiles(): Promise<ReadonlyMap<string, ConsoleFile>> {
  files ??= load().catch((error: unknown) => {
    files = undefined;
    throw error;
  });
  return files;
}

async function load(): Promise<ReadonlyMap<string, ConsoleFile>> {
  const bodies = (await builtFiles()) ?? (await bundled());
  return new Map(
    Array.from(bodies, ([name, body]) => {
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      const contentType = CONTENT_TYPES[extname(name)];
      if (contentType === undefined) throw new Error(`@rollcall/console: ${name} is of no known type`);
      return [name, Object.freeze({ contentType, etag, body })];
    }),
  );
}

async function builtFiles(): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const names = await readdir(BUILT).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (names === undefined) return undefined;
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, BUILT))] as const)),
  );
}

async function bundled(): Promise<ReadonlyMap<string, Uint8Array>> {
  const { bundlePage } = await import('./build/bundle-page.ts').catch((cause: unknown) => {
    throw new Error('@rollcall/console: the files of the page are missing: install the package again', {
      cause,
    });
  });
  return bundlePage();
}
