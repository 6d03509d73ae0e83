import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AdapterDefinition } from '../adapter.ts';
import { ADAPTER_PACKAGES, type BUILT_IN_TYPES, KNOWN_TYPES } from './adapter-types.ts';
import { didYouMean } from './did-you-mean.ts';
import { importModule, resolveModule } from './import-module.ts';
import { invalidConfig } from './problems.ts';
import { hideUrlCredentials } from './secrets.ts';
import type { Path } from './tree.ts';

type AdapterModule = Readonly<Record<string, unknown>>;

const BUILT_IN: ReadonlyMap<string, () => Promise<AdapterModule>> = new Map(
  Object.entries({
    // Imported on use only, and by these very words, so that bundlers find them.
    memory: () => import('../memory/index.ts'),
    file: () => import('../file/index.ts'),
    multi: () => import('../multi/index.ts'),
  } satisfies Record<(typeof BUILT_IN_TYPES)[number], () => Promise<AdapterModule>>),
);

export interface ResolveAdapterOptions {
  /** The folder that a module specifier is relative to. Defaults to the process's working folder. */
  readonly cwd?: string;
  /** Where the type stands in the configuration, for messages. Defaults to `registry`. */
  readonly at?: Path;
}

const AT: Path = ['registry'];

/**
 * Finds the adapter of a `registry.type`: one of {@link KNOWN_TYPES}, else a module that exports `adapter`
 * (`./my-adapter.js`, `@acme/rollcall-redis`).
 *
 * @throws {RegistryError} `INVALID_CONFIG` when the type is not known, its package is not installed or can't be
 *   loaded, or it exports no `adapter` that is an `AdapterDefinition`.
 */
export async function resolveAdapter(
  type: string,
  options: ResolveAdapterOptions = {},
): Promise<AdapterDefinition> {
  const folder = resolve(options.cwd ?? '.');
  const { at = AT } = options;
  const builtIn = BUILT_IN.get(type);
  if (builtIn) return checkModule(await builtIn(), `the built-in registry ${type}`, at);
  const specifier = ADAPTER_PACKAGES.get(type) ?? type;
  const url = locate(specifier, folder);
  if (url === undefined) throw refuse(at, notFound(type, specifier, folder));
  return checkModule(await load(specifier, url, at), specifier, at);
}

/**
 * Checks that a value is an {@link AdapterDefinition}.
 *
 * @param from what the value came from, for the message.
 * @throws {RegistryError} `INVALID_CONFIG` that names what it lacks.
 */
export function checkDefinition(definition: unknown, from: string, at: Path = AT): AdapterDefinition {
  if (!isDefinition(definition)) {
    throw refuse(
      at,
      `leads to ${from}, whose adapter definition is malformed: ${definitionProblems(definition).join(', ')}`,
    );
  }
  return definition;
}

function isDefinition(definition: unknown): definition is AdapterDefinition {
  return definitionProblems(definition).length === 0;
}

function definitionProblems(definition: unknown): string[] {
  if (typeof definition !== 'object' || definition === null)
    return ['it must be an object, made with defineAdapter()'];
  const { type, options, create } = definition as Partial<Record<keyof AdapterDefinition, unknown>>;
  return [
    ...(typeof type === 'string' && type !== '' ? [] : ['`type` must be a name']),
    ...(isStandardSchema(options)
      ? []
      : ['`options` must be a Standard Schema (https://standardschema.dev)']),
    ...(typeof create === 'function' ? [] : ['`create` must be a function']),
  ];
}

/** Some libraries' schemas are functions, so both kinds are looked into. */
function isStandardSchema(schema: unknown): boolean {
  if (
    (typeof schema !== 'object' && typeof schema !== 'function') ||
    schema === null ||
    !('~standard' in schema)
  )
    return false;
  const standard = schema['~standard'];
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  );
}

function checkModule(module: AdapterModule, from: string, at: Path): AdapterDefinition {
  if (module['adapter'] === undefined) {
    throw refuse(
      at,
      `leads to ${from}, which has no export \`adapter\`: write \`export const adapter = defineAdapter({ … })\``,
    );
  }
  return checkDefinition(module['adapter'], from, at);
}

function locate(specifier: string, folder: string): string | undefined {
  if (specifier.startsWith('file:')) return specifier;
  if (isAbsolute(specifier)) return pathToFileURL(specifier).href;
  return resolveModule(specifier, folder);
}

async function load(specifier: string, url: string, at: Path): Promise<AdapterModule> {
  try {
    return await importModule(url);
  } catch (cause) {
    const where = url.startsWith('file:') ? fileURLToPath(url) : url;
    const why = hideUrlCredentials(cause instanceof Error ? cause.message : String(cause));
    throw refuse(at, `leads to ${specifier}, which is there (${where}) but can't be loaded: ${why}`, cause);
  }
}

function notFound(type: string, specifier: string, folder: string): string {
  if (ADAPTER_PACKAGES.has(type))
    return `is ${type}, but ${specifier} isn't installed: run npm install ${specifier}`;
  if (/^\.{1,2}\//.test(type))
    return `is ${type}, but there is no such module: is ${join(folder, type)} right?`;
  if (type.startsWith('@')) return `is ${type}, but that package isn't installed: run npm install ${type}`;
  const near = didYouMean(type, KNOWN_TYPES);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  return `is ${type}, which is neither a known type (${KNOWN_TYPES.join(', ')}) nor an installed package.${hint}`;
}

function refuse(at: Path, what: string, cause?: unknown) {
  return invalidConfig([{ path: [...at, 'type'], what }], { cause });
}
