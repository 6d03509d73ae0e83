/** Writes `packages/core/schema/rollcall.schema.json`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rollcallSchemaText, SCHEMA_FILE } from './rollcall-schema.ts';

await mkdir(dirname(SCHEMA_FILE), { recursive: true });
await writeFile(SCHEMA_FILE, await rollcallSchemaText());
process.stdout.write(`${SCHEMA_FILE}\n`);
