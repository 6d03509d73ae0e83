import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { coreJsonSchema, leaves } from '../../../packages/core/src/config/json-schema.ts';
import { configurationPageText, PAGE_FILE } from '../configuration-page.ts';

describe('docs/configuration.md', () => {
  it('is in step with the schema (npm run schema writes it)', async () => {
    expect(await readFile(PAGE_FILE, 'utf8')).toBe(await configurationPageText());
  });

  it('has a row with a meaning for every key', async () => {
    const page = await readFile(PAGE_FILE, 'utf8');
    const rows = new Map(
      Array.from(
        page.matchAll(/^\| `([\w.]+)` *\|([^|]*)\|[^|]*\|([^|]*)\|$/gm),
        ([, key, takes, meaning]) => [key, [takes?.trim(), meaning?.trim()]],
      ),
    );
    const missing = leaves(coreJsonSchema())
      .map(({ path }) => path.join('.'))
      .filter((key) => rows.get(key)?.every((cell) => cell !== undefined && cell !== '') !== true);
    expect(missing).toEqual([]);
  });
});
