/** Writes `packages/core/schema/rollcall.schema.json`, and the tables of `docs/configuration.md`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { configurationPageText, PAGE_FILE } from './configuration-page.ts';
import { rollcallSchemaText, SCHEMA_FILE } from './rollcall-schema.ts';

await mkdir(dirname(SCHEMA_FILE), { recursive: true });
await writeFile(SCHEMA_FILE, await rollcallSchemaText());
await writeFile(PAGE_FILE, await configurationPageText());
process.stdout.write(`${SCHEMA_FILE}\n${PAGE_FILE}\n`);
