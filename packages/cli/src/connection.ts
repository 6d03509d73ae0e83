import {
  checkName,
  configuredAdapter,
  createController,
  DEFAULT_NAMESPACE,
  loadConfig,
  RegistryError,
  toRegistryError,
  type InstanceKey,
  type InstanceList,
  type LoadedConfig,
  type RegistryAdapter,
  type RollcallConfigInput,
} from '@rollcall/core';
import { parseAssignment } from './assignment.ts';
import type { ParsedLine } from './command-line.ts';
import { parseDuration } from './duration.ts';
import { warn } from './output.ts';

/** The longest wait for the registry where `--timeout` says nothing, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** A registry that is asked, without being a part of it. Each call has `timeoutMs`. */
export interface Connection {
  readonly adapter: RegistryAdapter;
  readonly namespace: string;
  readonly timeoutMs: number;
  /** Connects, as far as the registry has connections. The other calls do it by themselves. */
  open(): Promise<void>;
  services(): Promise<readonly string[]>;
  discover(service: string): Promise<InstanceList>;
  deregister(key: InstanceKey): Promise<void>;
  /** Any other call of the adapter. */
  call<T>(doing: string, run: (signal: AbortSignal) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `--timeout`, in milliseconds. */
export function timeoutOf(line: ParsedLine): number {
  const text = line.text('timeout');
  return text === undefined ? DEFAULT_TIMEOUT_MS : parseDuration('timeout', text);
}

/**
 * The configuration as `createRegistry` has it, with what the command line says on top.
 *
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export async function loadConfiguration(line: ParsedLine): Promise<LoadedConfig> {
  const file = line.text('config');
  try {
    const loaded = await loadConfig({ ...(file !== undefined && { file }), overrides: overridesOf(line) });
    return { ...loaded, warnings: loaded.warnings.map(asCommandLine) };
  } catch (error) {
    throw saidByCommandLine(error);
  }
}

/**
 * The adapter of a configuration.
 *
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export async function loadAdapter(loaded: LoadedConfig): Promise<RegistryAdapter> {
  try {
    return await configuredAdapter(forOnlookers(loaded), { warn });
  } catch (error) {
    throw saidByCommandLine(error);
  }
}

/** Loads the configuration and the adapter, and runs `use` with them; closes the adapter in any case. */
export async function withConnection<T>(
  line: ParsedLine,
  use: (connection: Connection, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  const timeoutMs = timeoutOf(line);
  const loaded = await loadConfiguration(line);
  for (const warning of loaded.warnings) warn(warning);
  const connection = connectionTo(await loadAdapter(loaded), loaded.config.registry.namespace, timeoutMs);
  try {
    return await use(connection, loaded);
  } finally {
    await connection.close();
  }
}

/** The registry behind an adapter. */
export function connectionTo(adapter: RegistryAdapter, namespace: string, timeoutMs: number): Connection {
  const { type } = adapter;
  let opening: Promise<void> | undefined;
  const open = (): Promise<void> => {
    if (!adapter.capabilities.namespaces && namespace !== DEFAULT_NAMESPACE) {
      const message = `${type}, as it is configured, has no namespaces: use ${DEFAULT_NAMESPACE}, not ${namespace}`;
      return Promise.reject(new RegistryError('UNSUPPORTED', message, { field: 'namespace' }));
    }
    opening ??= within(timeoutMs, `${type}: connect`, (signal) => adapter.open(signal));
    return opening;
  };
  const call: Connection['call'] = async (doing, run) => {
    await open();
    return await within(timeoutMs, `${type}: ${doing}`, run);
  };
  return {
    adapter,
    namespace,
    timeoutMs,
    open,
    call,
    services: async () => {
      const names = await call('list the services', (signal) => adapter.listServices(namespace, { signal }));
      return names.toSorted();
    },
    discover: async (service) =>
      await call(`list ${service}`, (signal) =>
        adapter.discover({ namespace, service: checkName('service', service) }, { signal }),
      ),
    deregister: (key) =>
      call(`deregister ${key.service}/${key.id}`, (signal) => adapter.deregister(key, { signal })),
    // What can't be closed must not hide what the command said.
    close: () => within(timeoutMs, `${type}: close`, () => adapter.close()).catch(() => {}),
  };
}

/**
 * The configuration for one who looks on: without the `service` block, or looking would list this process; without the
 * folder of saved lists, which belongs to the service and isn't the registry.
 */
export function forOnlookers(loaded: LoadedConfig): LoadedConfig {
  const { service: _service, ...config } = loaded.config;
  const { snapshotDir: _snapshotDir, ...discovery } = config.discovery;
  return { ...loaded, config: { ...config, discovery } };
}

/** What the command line itself says of the registry. */
export function overridesOf(line: ParsedLine): RollcallConfigInput {
  const [type, namespace] = [line.text('registry'), line.text('namespace')];
  let options: Readonly<Record<string, unknown>> = {};
  for (const text of line.texts('option')) {
    const { key, value } = parseAssignment('option', text);
    options = withOption(options, key.split('.'), jsonOrText(value));
  }
  const registry = {
    ...(type !== undefined && { type }),
    ...(namespace !== undefined && { namespace }),
    ...(Object.keys(options).length > 0 && { options }),
  };
  return Object.keys(registry).length > 0 ? { registry } : {};
}

/** `tls.ca=file` is the key `ca` of the option `tls`. */
function withOption(
  options: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  if (rest.length === 0) return { ...options, [key]: value };
  const inner = options[key];
  const object = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? { ...inner } : {};
  return { ...options, [key]: withOption(object, rest, value) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What a program sets is "in code" for the core; here that is the command line. */
export function saidByCommandLine(error: unknown): unknown {
  if (error instanceof Error) error.message = asCommandLine(error.message);
  return error;
}

function asCommandLine(message: string): string {
  return message.replaceAll('(in code)', '(in the command line)');
}

/** Runs `run` under a deadline, even where it doesn't heed its signal. */
async function within<T>(
  timeoutMs: number,
  doing: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = createController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new RegistryError('DEADLINE_EXCEEDED', `${doing}: no answer within ${timeoutMs} ms`);
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([run(controller.signal), late]);
  } catch (error) {
    // A `RegistryError` of another core passes through too: its code is what the exit code is told by.
    throw error instanceof Error && error.name === 'RegistryError' ? error : toRegistryError(error, doing);
  } finally {
    clearTimeout(timer);
  }
}
