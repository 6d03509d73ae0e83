import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { coreJsonSchema, isJsonSchema, type JsonSchema, leaves } from '../../src/config/json-schema.ts';
import { rollcallSchemaText, SCHEMA_FILE } from '../../../../tools/config-schema/rollcall-schema.ts';

describe('the published schema', () => {
  it('is up to date (npm run schema writes it)', async () => {
    expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(await rollcallSchemaText());
  });

  it('gives registry.options the keys of each type', async () => {
    const schema: { properties: { registry: { allOf: JsonSchema[] } } } = JSON.parse(
      await rollcallSchemaText(),
    );
    const cases = schema.properties.registry.allOf.map((entry) => JSON.stringify(entry['if']));
    expect(cases).toEqual(
      expect.arrayContaining([
        '{"properties":{"type":{"const":"memory"}},"required":["type"]}',
        '{"properties":{"type":{"const":"file"}}}',
      ]),
    );
  });

  it('lets a file name its schema', async () => {
    const schema: unknown = JSON.parse(await rollcallSchemaText());
    expect(isJsonSchema(schema) && schema.properties?.['$schema']).toBeTruthy();
  });

  it('describes every key', () => {
    const silent = leaves(coreJsonSchema()).filter(({ schema }) => typeof schema['description'] !== 'string');
    expect(silent).toEqual([]);
  });

  it('tells the unit of every duration, and every default in words', () => {
    const missing = leaves(coreJsonSchema()).flatMap(({ path, schema }) => {
      const fallback: unknown = schema['default'];
      const words = [
        ...(String(path.at(-1)).endsWith('Ms') ? ['Milliseconds'] : []),
        ...(typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean'
          ? [`Defaults to ${fallback}.`]
          : []),
      ];
      return words
        .filter((word) => !String(schema['description']).includes(word))
        .map((word) => [path, word]);
    });
    expect(missing).toEqual([]);
  });
});
