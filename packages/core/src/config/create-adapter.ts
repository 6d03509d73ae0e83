import type { AdapterContext, AdapterDefinition, RegistryAdapter } from '../adapter.ts';
import { optionsJsonSchema } from './json-schema.ts';
import { invalidConfig, problemsOf } from './problems.ts';
import { checkDefinition, resolveAdapter } from './resolve-adapter.ts';
import { hideSecrets } from './secrets.ts';
import type { Path } from './tree.ts';

const OPTIONS_PATH: Path = ['registry', 'options'];

const REQUIRED_METHODS = [
  'open',
  'close',
  'register',
  'deregister',
  'discover',
  'listServices',
] as const satisfies readonly (keyof RegistryAdapter)[];

const OPTIONAL_METHODS = ['watch', 'watchServices'] as const satisfies readonly (keyof RegistryAdapter)[];

export interface CreateAdapterOptions {
  /** Where a key was set, for the messages; see `loadConfig`. */
  readonly sourceOf?: (path: Path) => string | undefined;
}

export interface SelectAdapterOptions extends CreateAdapterOptions {
  /** The folder that a module specifier is relative to. Defaults to the process's working folder. */
  readonly cwd?: string;
}

/**
 * Makes the adapter that is asked for: by `registry.type`, by a definition, or by an adapter that the program made
 * itself, which takes no options.
 *
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export async function selectAdapter(
  selection: string | AdapterDefinition | RegistryAdapter,
  options: unknown,
  context: AdapterContext,
  settings: SelectAdapterOptions = {},
): Promise<RegistryAdapter> {
  if (typeof selection === 'string') {
    const definition = await resolveAdapter(
      selection,
      settings.cwd === undefined ? {} : { cwd: settings.cwd },
    );
    return createAdapter(definition, options, context, settings);
  }
  if (typeof selection === 'object' && selection !== null && !('create' in selection))
    return checkAdapter(selection);
  return createAdapter(checkDefinition(selection, 'an object given in code'), options, context, settings);
}

/**
 * Validates `registry.options` and makes the adapter.
 *
 * @throws {RegistryError} `INVALID_CONFIG` that lists every option at fault, or the methods that the adapter lacks.
 */
export async function createAdapter(
  definition: AdapterDefinition,
  options: unknown,
  context: AdapterContext,
  { sourceOf }: CreateAdapterOptions = {},
): Promise<RegistryAdapter> {
  const given = options ?? {};
  const result = await validate(definition, given);
  if (result.issues) {
    const problems = problemsOf(result.issues, {
      value: given,
      at: OPTIONS_PATH,
      schema: optionsJsonSchema(definition),
    });
    throw invalidConfig(problems.map(({ path, what }) => ({ path, what, source: sourceOf?.(path) })));
  }
  return checkAdapter(create(definition, result.value, given, context));
}

async function validate(definition: AdapterDefinition, given: unknown) {
  try {
    return await definition.options['~standard'].validate(given);
  } catch (cause) {
    throw refusedOptions(definition, given, cause);
  }
}

function create(
  definition: AdapterDefinition,
  value: unknown,
  given: unknown,
  context: AdapterContext,
): unknown {
  try {
    return definition.create(value, context);
  } catch (cause) {
    throw refusedOptions(definition, given, cause);
  }
}

function refusedOptions({ type }: AdapterDefinition, given: unknown, cause: unknown) {
  const said = cause instanceof Error ? cause.message : String(cause);
  const shown = hideSecrets(said, given);
  const what = `are refused by the adapter ${type}: ${shown}`;
  // A cause is printed with its own message, so one that names a credential can't be handed on.
  return invalidConfig([{ path: OPTIONS_PATH, what }], shown === said ? { cause } : {});
}

/**
 * Checks that an object has what every adapter must have.
 *
 * @throws {RegistryError} `INVALID_CONFIG` that names what is missing.
 */
export function checkAdapter(adapter: unknown): RegistryAdapter {
  if (isAdapter(adapter)) return adapter;
  if (typeof adapter !== 'object' || adapter === null) {
    throw refuse(`leads to an adapter that is no object, but ${adapter === null ? 'null' : typeof adapter}`);
  }
  const name = 'type' in adapter && typeof adapter.type === 'string' ? ` ${adapter.type}` : '';
  throw refuse(`leads to the adapter${name}, which lacks ${lacks(adapter).join(', ')}: see RegistryAdapter`);
}

function isAdapter(adapter: unknown): adapter is RegistryAdapter {
  return typeof adapter === 'object' && adapter !== null && lacks(adapter).length === 0;
}

function lacks(adapter: object): string[] {
  const parts: Partial<Record<keyof RegistryAdapter, unknown>> = adapter;
  return [
    ...(typeof parts.type === 'string' && parts.type !== '' ? [] : ['type']),
    ...(typeof parts.capabilities === 'object' && parts.capabilities !== null ? [] : ['capabilities']),
    ...REQUIRED_METHODS.filter((method) => typeof parts[method] !== 'function').map(
      (method) => `${method}()`,
    ),
    ...OPTIONAL_METHODS.filter(
      (method) => parts[method] !== undefined && typeof parts[method] !== 'function',
    ).map((method) => `${method}() (it is there, but not a function)`),
  ];
}

function refuse(what: string) {
  return invalidConfig([{ path: ['registry', 'type'], what }]);
}
