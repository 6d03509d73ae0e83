import { extname } from 'node:path';
import * as z from 'zod';
import { RegistryError } from '../errors.ts';
import { parseData } from './config-file.ts';
import { isJsonSchema, type JsonSchema } from './json-schema.ts';
import { invalidConfig, type Problem, problemsOf } from './problems.ts';
import { deepFreeze, isPlainObject, type Path } from './tree.ts';

export interface DocumentOptions<Schema extends z.ZodType> {
  /** Checks it, and fills in the defaults. */
  readonly schema: Schema;
  /** What it is, for messages: `policy`. */
  readonly what: string;
}

/**
 * Reads and checks the text of a YAML or JSON file that is not the configuration, such as a policy, by the same rules: no key
 * twice, no key that nobody knows, and every problem at once, with file, line, key and what was probably meant.
 *
 * @param path where the text is from; its ending tells YAML from JSON.
 * @returns what the schema made of it, frozen.
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export function parseDocument<Schema extends z.ZodType>(
  path: string,
  text: string,
  options: DocumentOptions<Schema>,
): z.output<Schema> {
  return named(options.what, () => {
    const file = parseData(path, text, extname(path) === '.json');
    return check(file.value, options.schema, (at) => file.locate(at));
  });
}

/** Checks an object of code as {@link parseDocument} does a file's. */
export function checkDocument<Schema extends z.ZodType>(
  value: unknown,
  options: DocumentOptions<Schema>,
): z.output<Schema> {
  return named(options.what, () => check(value, options.schema, () => undefined));
}

function check<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  sourceOf: (path: Path) => string | undefined,
): z.output<Schema> {
  const forbidden = prototypeKeys(value, []);
  const parsed = schema.safeParse(value);
  if (parsed.success && forbidden.length === 0) return deepFreeze(parsed.data);
  const known = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  const jsonSchema: JsonSchema | undefined = isJsonSchema(known) ? known : undefined;
  const found = parsed.success
    ? []
    : problemsOf(parsed.error.issues, { value, at: [], schema: jsonSchema }).filter(
        ({ path }) => path.at(-1) !== PROTOTYPE,
      );
  throw invalidConfig(
    [...forbidden, ...found].map(({ path, what }) => ({ path, what, source: sourceOf(path) })),
  );
}

const PROTOTYPE = '__proto__';

/** A validator passes over such a key; whoever wrote it meant something that it won't do. */
function prototypeKeys(value: unknown, path: Path): Problem[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => prototypeKeys(item, [...path, i]));
  if (!isPlainObject(value)) return [];
  return Object.keys(value).flatMap((key) =>
    key === PROTOTYPE
      ? [{ path: [...path, key], what: 'is not a name that can be used: take another' }]
      : prototypeKeys(value[key], [...path, key]),
  );
}

function named<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError(error.code, error.message.replace(/^Invalid configuration/, `Invalid ${what}`), {
      ...(error.field !== undefined && { field: error.field }),
      ...(error.cause !== undefined && { cause: error.cause }),
    });
  }
}
