import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRegistry } from '@rollcall/core';
import { ManualClock } from '@rollcall/core/testing';

const json = (specifier) => JSON.parse(readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8'));

process.stdout.write(
  JSON.stringify({
    core: typeof createRegistry,
    testing: typeof ManualClock,
    schema: json('@rollcall/core/schema/rollcall.schema.json').title,
    version: json('@rollcall/core/package.json').version,
  }),
);
