import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod';
import type { AdapterDefinition } from '../adapter.ts';
import { configSchema } from './schema.ts';
import { isPlainObject } from './tree.ts';

/** As much of JSON Schema (draft 7) as is read here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Where an installed core has the published schema; editors take it as the value of `$schema`. */
const SCHEMA_ID = 'node_modules/@rollcall/core/schema/rollcall.schema.json';

/** The configuration's JSON Schema: what a user may write, without what belongs to one type of registry. */
export function coreJsonSchema(): JsonSchema {
  const schema: unknown = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
  return isJsonSchema(schema) ? schema : {};
}

/** A schema in JSON Schema's object form. What its keywords hold is taken on trust from the library that wrote it. */
export function isJsonSchema(value: unknown): value is JsonSchema {
  return isPlainObject(value);
}

/**
 * The schema of an adapter's options, when its validator can tell (https://standardschema.dev/json-schema).
 * `undefined` for validators that can't, or for options that JSON can't carry.
 */
export function optionsJsonSchema(definition: AdapterDefinition): JsonSchema | undefined {
  const standard: Partial<StandardJSONSchemaV1.Props> = definition.options['~standard'];
  try {
    // Zod throws on types without a JSON form; asked so, it leaves just that key open.
    const schema = standard.jsonSchema?.input({
      target: 'draft-07',
      libraryOptions: { unrepresentable: 'any' },
    });
    return isJsonSchema(schema) ? schema : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The schema that editors use: the core's, and for each given adapter that `registry.options` are its options when
 * `registry.type` is its type.
 */
export function editorJsonSchema(definitions: readonly AdapterDefinition[]): JsonSchema {
  const { $schema, ...core } = coreJsonSchema();
  const registry = core.properties?.['registry'];
  const cases = definitions.flatMap((definition) => {
    const options = optionsJsonSchema(definition);
    if (options === undefined) return [];
    const { $schema: _dialect, ...rest } = options;
    return [
      {
        if: {
          properties: { type: { const: definition.type } },
          ...(definition.type !== DEFAULT_TYPE && { required: ['type'] }),
        },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema; nobody awaits this object
        then: { properties: { options: rest } },
      },
    ];
  });
  return {
    $schema,
    $id: SCHEMA_ID,
    title: 'Rollcall configuration',
    ...core,
    properties: {
      $schema: { type: 'string', description: 'Where an editor finds the schema of this file.' },
      ...core.properties,
      registry: { ...registry, allOf: cases },
    },
  };
}

/** The type of a configuration that names none. */
export const DEFAULT_TYPE: string = configSchema.parse({}).registry.type;

/** The keys that an object at this path may have; none where the schema doesn't say. */
export function propertyNames(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  const [key, ...rest] = path;
  if (key === undefined) return objectForms(schema).flatMap((form) => Object.keys(form.properties ?? {}));
  return objectForms(schema).flatMap((form) => {
    const next =
      typeof key === 'number' ? form.items : (form.properties?.[String(key)] ?? form.additionalProperties);
    return isJsonSchema(next) ? propertyNames(next, rest) : [];
  });
}

/** Every path of the schema at which a value, and not only an object of further keys, may stand. */
export function leafPaths(schema: JsonSchema): readonly string[][] {
  return leaves(schema).map((leaf) => leaf.path);
}

export interface Leaf {
  readonly path: string[];
  readonly schema: JsonSchema;
}

/** The leaves under a schema: values, lists and free-form objects. A union counts itself, and its objects' leaves. */
export function leaves(schema: JsonSchema, path: string[] = []): Leaf[] {
  const forms = objectForms(schema).filter((form) => form.properties !== undefined);
  const inner = forms.flatMap((form) =>
    Object.entries(form.properties ?? {}).flatMap(([key, value]) => leaves(value, [...path, key])),
  );
  const onlyObject = forms.length > 0 && schema.anyOf === undefined;
  return onlyObject ? inner : [{ path, schema }, ...inner];
}

/** A schema, or the members of a union, one by one. */
export function objectForms(schema: JsonSchema): readonly JsonSchema[] {
  const members = schema.anyOf ?? schema['oneOf'];
  return Array.isArray(members)
    ? members.filter(isJsonSchema).flatMap((member) => objectForms(member))
    : [schema];
}
