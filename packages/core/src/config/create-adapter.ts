import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AdapterContext, AdapterDefinition, RegistryAdapter } from '../adapter.ts';
import { systemClock } from '../clock.ts';
import { RegistryError } from '../errors.ts';
import { optionsJsonSchema } from './json-schema.ts';
import { invalidConfig, problemsOf } from './problems.ts';
import { checkDefinition, resolveAdapter } from './resolve-adapter.ts';
import { hideSecrets } from './secrets.ts';
import type { Path } from './tree.ts';

const AT: Path = ['registry'];

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
  /** Where the type and the options stand in the configuration, for the messages. Defaults to `registry`. */
  readonly at?: Path;
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
    const { cwd, at } = settings;
    const definition = await resolveAdapter(selection, {
      ...(cwd !== undefined && { cwd }),
      ...(at && { at }),
    });
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
  settings: CreateAdapterOptions = {},
): Promise<RegistryAdapter> {
  const given = options ?? {};
  const value = accepted(definition, given, await validate(definition, given), settings);
  return checkAdapter(await create(definition, value, given, context));
}

/**
 * Makes an adapter in code, at once: what a package offers beside its definition. For a schema that answers at once, as
 * most do.
 *
 * @param context what the core gives; without it the machine's clock, and warnings by `process.emitWarning`.
 * @throws {RegistryError} `INVALID_CONFIG` as {@link createAdapter}.
 */
export function adapterFrom<Options>(
  definition: AdapterDefinition<Options>,
  options: unknown,
  context: Partial<AdapterContext> = {},
): RegistryAdapter {
  const result = validate(definition, options);
  if (result instanceof Promise)
    throw new TypeError(`the options of ${definition.type} can't be checked at once`);
  const adapter = create(definition, accepted(definition, options, result), options, {
    clock: systemClock,
    warn: (message) => process.emitWarning(message, 'RollcallWarning'),
    ...context,
  });
  if (adapter instanceof Promise) throw new TypeError(`the adapter ${definition.type} can't be made at once`);
  return checkAdapter(adapter);
}

function validate<Options>(
  definition: AdapterDefinition<Options>,
  given: unknown,
): StandardSchemaV1.Result<Options> | Promise<StandardSchemaV1.Result<Options>> {
  try {
    const result = definition.options['~standard'].validate(given);
    if (!(result instanceof Promise)) return result;
    return result.catch((cause: unknown) => {
      throw refusedOptions(definition, given, cause);
    });
  } catch (cause) {
    throw refusedOptions(definition, given, cause);
  }
}

/** The options as the schema has made them. */
function accepted<Options>(
  definition: AdapterDefinition<Options>,
  given: unknown,
  result: StandardSchemaV1.Result<Options>,
  { sourceOf, at = AT }: CreateAdapterOptions = {},
): Options {
  if (!result.issues) return result.value;
  const problems = problemsOf(result.issues, {
    value: given,
    at: [...at, 'options'],
    schema: optionsJsonSchema(definition),
  });
  throw invalidConfig(problems.map(({ path, what }) => ({ path, what, source: sourceOf?.(path) })));
}

function create<Options>(
  definition: AdapterDefinition<Options>,
  value: Options,
  given: unknown,
  context: AdapterContext,
): unknown {
  const explain = (cause: unknown) => {
    throw isExplained(cause) ? cause : refusedOptions(definition, given, cause);
  };
  try {
    const adapter: unknown = definition.create(value, context);
    return adapter instanceof Promise ? adapter.catch(explain) : adapter;
  } catch (cause) {
    return explain(cause);
  }
}

/** Whether it is of an adapter that the adapter is made of, and says already which one. */
function isExplained(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    error.code === 'INVALID_CONFIG' &&
    (error.field?.startsWith('registry.') ?? false)
  );
}

function refusedOptions({ type }: { readonly type: string }, given: unknown, cause: unknown) {
  const said = cause instanceof Error ? cause.message : String(cause);
  const shown = hideSecrets(said, given);
  const what = `are refused by the adapter ${type}: ${shown}`;
  // A cause is printed with its own message, so one that names a credential can't be handed on.
  return invalidConfig([{ path: [...AT, 'options'], what }], shown === said ? { cause } : {});
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
