import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';

/** What Node answers to a TypeScript module that it can't run itself. */
const NEEDS_TRANSLATION: ReadonlySet<unknown> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
]);

/** The export conditions of Node's own `import`; when this file runs from source, adapters do so too. */
const CONDITIONS = [...(import.meta.url.endsWith('.ts') ? ['@rollcall/source'] : []), 'node', 'import'];

// The cache of translated files would be written into a folder of the user's.
const jiti = createJiti(import.meta.url, { fsCache: false });

/** The URL of a module as a file in `folder` would import it; `undefined` when there is none. */
export function resolveModule(specifier: string, folder: string): string | undefined {
  try {
    return jiti.esmResolve(specifier, {
      parentURL: pathToFileURL(join(folder, 'rollcall.config.js')),
      conditions: CONDITIONS,
    });
  } catch {
    return undefined;
  }
}

/**
 * Imports a module, also one in TypeScript. Node goes first, so that the module is the same object for the rest of
 * the program; jiti takes what Node can't run.
 */
export async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module: Record<string, unknown> = await import(/* @vite-ignore */ url);
    return module;
  } catch (error) {
    if (!NEEDS_TRANSLATION.has(error instanceof Error && 'code' in error ? error.code : undefined))
      throw error;
    return jiti.import<Record<string, unknown>>(url);
  }
}
