import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { formatted } from '@rollcall-tools/pages';
import {
  ADAPTER_PACKAGES,
  BUILT_IN_TYPES,
  KNOWN_TYPES,
} from '../../packages/core/src/config/adapter-types.ts';
import { editorJsonSchema } from '../../packages/core/src/config/json-schema.ts';
import { resolveAdapter } from '../../packages/core/src/config/resolve-adapter.ts';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));

/** Where the published schema is kept. */
export const SCHEMA_FILE = fileURLToPath(
  new URL('../../packages/core/schema/rollcall.schema.json', import.meta.url),
);

/** The text that the schema file must have: the core's keys, and the options of every adapter in this repository. */
export async function rollcallSchemaText(): Promise<string> {
  const types = await Promise.all(KNOWN_TYPES.map(async (type) => ((await isHere(type)) ? [type] : [])));
  const definitions = await Promise.all(types.flat().map((type) => resolveAdapter(type, { cwd: packages })));
  return await formatted(SCHEMA_FILE, JSON.stringify(editorJsonSchema(definitions)));
}

/** Whether the repository has this adapter: a known type may be in a later release. */
async function isHere(type: string): Promise<boolean> {
  if (BUILT_IN_TYPES.some((builtIn) => builtIn === type)) return true;
  try {
    const folder = ADAPTER_PACKAGES.get(type)?.replace('@rollcall/', '');
    return (await readFile(`${packages}/${folder}/src/index.ts`, 'utf8')).includes('adapter');
  } catch {
    return false;
  }
}
