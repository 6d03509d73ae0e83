import { dirname, resolve } from 'node:path';
import type { AdapterDefinition } from '../adapter.ts';
import { RegistryError } from '../errors.ts';
import { describe } from '../names.ts';
import { type ConfigFile, findConfigFile, readConfigFile } from './config-file.ts';
import {
  CONFIG_FILE_VARIABLE,
  type Environment,
  type EnvironmentConfig,
  readEnvironment,
  variableName,
} from './environment.ts';
import {
  coreJsonSchema,
  DEFAULT_TYPE,
  isJsonSchema,
  type JsonSchema,
  optionsJsonSchema,
} from './json-schema.ts';
import { invalidConfig, type Problem, problemsOf } from './problems.ts';
import { resolveAdapter } from './resolve-adapter.ts';
import { configSchema, type RollcallConfig, type RollcallConfigInput } from './schema.ts';
import { deepFreeze, merge, type Path, valueAt, withValueAt } from './tree.ts';

const TYPE_PATH = ['registry', 'type'];
const OPTIONS_PATH = ['registry', 'options'];

export interface LoadConfigOptions {
  /** Where the search for `rollcall.config.*` starts, upwards. Defaults to the process's working folder. */
  readonly cwd?: string;
  /** The configuration file, relative to `cwd`; nothing is searched then. */
  readonly file?: string;
  /** Defaults to `process.env`. */
  readonly env?: Environment;
  /** What the program itself sets; it wins over everything else. */
  readonly overrides?: RollcallConfigInput;
  /** What `registry.type` is where nobody sets it. Defaults to `file`. */
  readonly defaultType?: string;
  /** The adapter, when the program gives it instead of `registry.type`. Its options then have variables too. */
  readonly adapter?: AdapterDefinition;
}

export interface LoadedConfig {
  readonly config: RollcallConfig;
  /** What the configuration was made from, for the log: the file, the variables, `code`. Empty: all defaults. */
  readonly sources: readonly string[];
  /** What is odd but not wrong, for the log. */
  readonly warnings: readonly string[];
  /** The folder that a module in `registry.type` is relative to: the file's when the file names it, else `cwd`. */
  readonly moduleFolder: string;
  /** Where a key was set: the file with line and column, a variable, or `code`; `undefined` for a default. */
  readonly sourceOf: (path: Path) => string | undefined;
}

/**
 * Loads the configuration. What the program sets wins over the environment, that over the file, and that over the
 * defaults; objects are merged key by key, lists are replaced. `registry.options` belong to the `registry.type` of
 * their time: a source that changes the type drops the options of those below it.
 *
 * The file is `options.file`, else the one that `ROLLCALL_CONFIG` names, else the nearest `rollcall.config` with
 * the ending yaml, yml, json, ts, mts, js or mjs in `cwd` and above. Without one, the defaults hold. Every key also has a variable:
 * `registry.requestTimeoutMs` is `ROLLCALL_REGISTRY_REQUEST_TIMEOUT_MS`; see {@link readEnvironment}.
 *
 * @throws {RegistryError} `INVALID_CONFIG`, which lists every problem at once, with key, source and remedy.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const { env = process.env, overrides = {} } = options;
  const cwd = resolve(options.cwd ?? '.');
  const file = await openFile(options.file, env, cwd);
  const { schema, problems } = await schemaFor(options, env, file, cwd);
  // Without its adapter, nobody can say what a variable of its options means.
  const isReadable = (name: string): boolean => problems.length === 0 || !isOptionVariable(name);
  const environment = readEnvironment(
    Object.fromEntries(Object.entries(env).filter(([name]) => isReadable(name))),
    schema,
  );
  const sourceOf = sourceLookup(file, environment, overrides);
  const { defaultType } = options;
  const base = defaultType === undefined ? {} : { registry: { type: defaultType } };
  const { merged, warnings } = layer([base, file?.value ?? {}, environment.value, overrides], sourceOf);
  const parsed = configSchema.safeParse(merged);
  const found = parsed.success ? [] : problemsOf(parsed.error.issues, { value: merged, at: [], schema });
  const all: Problem[] = [
    ...problems.map(({ path, what }) => ({ path, what, source: sourceOf(path) })),
    ...environment.problems,
    // A variable that couldn't be read leaves its key unset; that key isn't missing as well.
    ...found
      .filter(
        ({ path }) => !environment.problems.some((earlier) => earlier.path.join('.') === path.join('.')),
      )
      .map(({ path, what }) => ({ path, what, source: sourceOf(path) ?? file?.path })),
  ];
  if (all.length > 0 || !parsed.success)
    throw invalidConfig(all, { notes: [...environment.warnings, ...warnings] });
  return {
    config: deepFreeze(parsed.data),
    sources: [
      ...(file ? [file.path] : []),
      ...environment.variables.map(({ name }) => name),
      ...(Object.keys(overrides).length > 0 ? ['code'] : []),
    ],
    warnings: [...environment.warnings, ...warnings],
    moduleFolder: moduleFolder(file, environment.value, overrides, cwd),
    sourceOf,
  };
}

async function openFile(
  given: string | undefined,
  env: Environment,
  cwd: string,
): Promise<ConfigFile | undefined> {
  const named = given ?? (env[CONFIG_FILE_VARIABLE] || undefined);
  if (named !== undefined) return readConfigFile(resolve(cwd, named));
  const found = await findConfigFile(cwd);
  return found === undefined ? undefined : readConfigFile(found);
}

/** The core's schema, with the adapter's for `registry.options` when a variable asks for one of its keys. */
async function schemaFor(
  given: LoadConfigOptions,
  env: Environment,
  file: ConfigFile | undefined,
  cwd: string,
): Promise<{ schema: JsonSchema; problems: readonly Problem[] }> {
  const core = coreJsonSchema();
  if (!Object.keys(env).some((name) => isOptionVariable(name) && env[name]))
    return { schema: core, problems: [] };
  const fromAbove = given.overrides?.registry?.type ?? (env[variableName(TYPE_PATH)] || undefined);
  const type = fromAbove ?? valueAt(file?.value, TYPE_PATH) ?? given.defaultType ?? DEFAULT_TYPE;
  if (typeof type !== 'string') return { schema: core, problems: [] };
  const folder = fromAbove === undefined && file ? dirname(file.path) : cwd;
  try {
    const definition = given.adapter ?? (await resolveAdapter(type, { cwd: folder }));
    const schema = optionsJsonSchema(definition);
    if (!schema) return { schema: core, problems: [] };
    // The options themselves stay a leaf, so that ROLLCALL_REGISTRY_OPTIONS still takes them as one JSON object.
    const options = { anyOf: [schema, { type: 'object' }] };
    const extended = merge(core, { properties: { registry: { properties: { options } } } });
    return { schema: isJsonSchema(extended) ? extended : core, problems: [] };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { schema: core, problems: [{ path: TYPE_PATH, what: withoutPrefix(error.message) }] };
  }
}

function isOptionVariable(name: string): boolean {
  return name.startsWith(`${variableName(OPTIONS_PATH)}_`);
}

function withoutPrefix(message: string): string {
  return message.replace(/^Invalid configuration: (?:registry\.type )?/, '');
}

function layer(
  layers: readonly unknown[],
  sourceOf: (path: Path) => string | undefined,
): { merged: unknown; warnings: string[] } {
  const warnings: string[] = [];
  let merged: unknown = {};
  for (const over of layers) {
    const before = valueAt(merged, TYPE_PATH) ?? DEFAULT_TYPE;
    const after = valueAt(over, TYPE_PATH) ?? before;
    if (after !== before && valueAt(merged, OPTIONS_PATH) !== undefined) {
      const source = sourceOf(TYPE_PATH);
      warnings.push(
        `registry.options set for ${describe(before)} are left out: registry.type is ${describe(after)} (in ${source})`,
      );
      merged = withValueAt(merged, OPTIONS_PATH, undefined);
    }
    merged = merge(merged, over);
  }
  return { merged, warnings };
}

function moduleFolder(
  file: ConfigFile | undefined,
  environment: unknown,
  overrides: unknown,
  cwd: string,
): string {
  const fromFile =
    valueAt(environment, TYPE_PATH) === undefined && valueAt(overrides, TYPE_PATH) === undefined;
  return fromFile && file ? dirname(file.path) : cwd;
}

/** Looks from the top down for whoever set a key, or else the object that it is missing in. */
function sourceLookup(file: ConfigFile | undefined, environment: EnvironmentConfig, overrides: unknown) {
  return (path: Path): string | undefined => {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length);
      if (valueAt(overrides, part) !== undefined) return 'code';
      const variable = environment.variables.find(
        (candidate) => startsWith(candidate.path, part) || startsWith(part, candidate.path),
      );
      if (variable) return variable.name;
      if (file && valueAt(file.value, part) !== undefined) return file.locate(part);
    }
    return undefined;
  };
}

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((key, i) => path[i] === key);
}
