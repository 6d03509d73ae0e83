import { fileURLToPath } from 'node:url';
import { withGeneratedPart } from '@rollcall-tools/pages';
import {
  isJsonSchema,
  leaves,
  objectForms,
  type JsonSchema,
} from '../../packages/core/src/config/json-schema.ts';
import { rollcallSchemaText } from './rollcall-schema.ts';

const PAGE = new URL('../../docs/configuration.md', import.meta.url);

/** The page whose tables are made from the schema. */
export const PAGE_FILE = fileURLToPath(PAGE);

const MARKS = {
  begin: '<!-- tables: `npm run schema` writes them from the schema -->',
  end: '<!-- end of tables -->',
};

/** The text that the page must have: what people wrote, and between the two marks a table for each section. */
export async function configurationPageText(): Promise<string> {
  return withGeneratedPart(PAGE, MARKS, await tables());
}

async function tables(): Promise<string> {
  const schema: unknown = JSON.parse(await rollcallSchemaText());
  if (!isJsonSchema(schema)) throw new Error('the schema is no object');
  const { $schema: _forEditors, ...sections } = schema.properties ?? {};
  const parts = Object.entries(sections).flatMap(([name, section]) => [
    `### ${name}`,
    String(section['description']),
    table(section, name),
    ...optionCases(section).flatMap(([type, options]) => [
      `#### registry.options, where registry.type is ${type}`,
      table(options, 'registry.options'),
    ]),
  ]);
  return parts.join('\n\n');
}

/** The options of each type of registry: `allOf: [{ if: { type }, then: { options } }]`. */
function optionCases(section: JsonSchema): [type: string, options: JsonSchema][] {
  const cases = Array.isArray(section['allOf']) ? section['allOf'].filter(isJsonSchema) : [];
  return cases.map((entry) => {
    const type = inside(entry, 'if', 'properties', 'type')['const'];
    return [String(type), inside(entry, 'then', 'properties', 'options')];
  });
}

function inside(value: JsonSchema, ...keys: string[]): JsonSchema {
  return keys.reduce<JsonSchema>((part, key) => {
    const next = part[key];
    if (!isJsonSchema(next)) throw new Error(`the schema has no ${keys.join('.')}`);
    return next;
  }, value);
}

function table(section: JsonSchema, name: string): string {
  const rows = leaves(section).map(({ path, schema }) => {
    const isRequired = path.length === 1 && asTexts(section['required']).includes(path[0] ?? '');
    const cells = [
      `\`${[name, ...path].join('.')}\``,
      takes(schema, path),
      isRequired ? 'must be given' : fallback(schema),
      meaning(schema),
    ];
    return `| ${cells.map(escaped).join(' | ')} |`;
  });
  return ['| key | takes | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** What would be a table's or HTML's in Markdown. */
function escaped(cell: string): string {
  return cell.replaceAll(/[|<]/g, (character) => `\\${character}`);
}

function takes(schema: JsonSchema, path: readonly string[]): string {
  return objectForms(schema)
    .map((form) => formWords(form, path))
    .join(' or ');
}

function formWords(form: JsonSchema, path: readonly string[]): string {
  if (form['const'] !== undefined) return `\`${JSON.stringify(form['const'])}\``;
  if (Array.isArray(form['enum'])) return form['enum'].map((word) => `\`${String(word)}\``).join(', ');
  if (form.type === 'integer' || form.type === 'number') {
    const unit = path.at(-1)?.endsWith('Ms') ? 'ms' : form.type;
    return `${unit}, ${grouped(form['minimum'])} to ${grouped(form['maximum'])}`;
  }
  if (form.type === 'array') return form.items?.type === 'object' ? 'a list of objects' : 'a list of texts';
  if (form.type === 'object') return form.properties ? 'the keys below' : 'an object';
  return form.type === 'string' ? 'text' : String(form.type);
}

function fallback(schema: JsonSchema): string {
  const value = schema['default'];
  const isPlain = typeof value === 'string' || typeof value === 'boolean';
  if (typeof value === 'number') return `\`${value}\``;
  if (isPlain) return `\`${String(value)}\``;
  if (Array.isArray(value)) return `\`${JSON.stringify(value)}\``;
  const told = /Defaults to ((?:[^.;]|\.(?=\S))+)\.$/.exec(description(schema))?.[1] ?? '';
  return told === '' || told.includes(' ') ? told : `\`${told}\``;
}

/** The description without what stands in the other columns. */
function meaning(schema: JsonSchema): string {
  const told = description(schema)
    .replace(/ ?Defaults to (?:[^.;]|\.(?=\S))+\.$/, '')
    .replace(/ From [\d.]+ to [\d.]+\.$/, '')
    .replace(/ Milliseconds\./, '')
    .trim();
  return told === '' ? description(schema) : told;
}

function description(schema: JsonSchema): string {
  return typeof schema['description'] === 'string' ? schema['description'] : '';
}

/** 3600000 as 3 600 000. */
function grouped(number: unknown): string {
  return String(number).replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, '\u00a0');
}

function asTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
