import type { AdvertiseChoice, LoadedConfig, RegistryAdapter } from '@rollcall/core';
import { advertisedAddress, isLoopback } from './advertised-address.ts';
import { checkClock, isRemote, serverHosts } from './clock-check.ts';
import type { ParsedLine } from './command-line.ts';
import { connectionTo, loadAdapter, loadConfiguration, timeoutOf, type Connection } from './connection.ts';
import { formatDuration } from './duration.ts';
import type { Finding } from './finding.ts';
import { count } from './output.ts';
import { registryErrorCode } from './registry-error-code.ts';
import { PROBE_SERVICE, roundTrip } from './round-trip.ts';

/** Checks one thing after the other. What can't be tried after a failure is `skipped`. */
export async function* diagnose(line: ParsedLine): AsyncGenerator<Finding, void> {
  const timeoutMs = timeoutOf(line);
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfiguration(line);
  } catch (error) {
    yield failed('configuration', error, 'mend what is listed here; docs/configuration.md has every key');
    yield* skipped('the configuration is wrong', ['adapter', 'registry', 'round trip', 'clock', 'address']);
    return;
  }
  yield* configuration(loaded);

  const { type, options, namespace } = loaded.config.registry;
  let adapter: RegistryAdapter;
  try {
    adapter = await loadAdapter(loaded);
  } catch (error) {
    yield failed('adapter', error);
    yield* skipped('there is no adapter', ['registry', 'round trip', 'clock', 'address']);
    return;
  }
  const from =
    serverHosts(options).length === 0 ? '' : ` for ${[...new Set(serverHosts(options))].join(', ')}`;
  yield { check: 'adapter', status: 'ok', says: `${type} is installed and takes its options${from}` };
  if (adapter.type === 'memory') {
    const says = 'memory is a registry inside one process: what others list is never seen';
    yield { check: 'adapter', status: 'warning', says, remedy: 'select another with --registry' };
  }

  const connection = connectionTo(adapter, namespace, timeoutMs);
  try {
    const { finding, choice } = address(loaded, adapter);
    const answers = yield* registryChecks(connection, choice);
    if (answers) yield await checkClock(options, timeoutMs);
    else yield* skipped("the registry can't be used", ['clock']);
    yield finding;
  } finally {
    await connection.close();
  }
}

function* configuration(loaded: LoadedConfig): Generator<Finding, void> {
  const check = 'configuration';
  const variables = loaded.sources.filter((source) => /^ROLLCALL_\w+$/.test(source));
  const file = loaded.sources.find((source) => source !== 'code' && !variables.includes(source));
  const parts = [
    file ?? 'no file: the defaults',
    ...(variables.length > 0 ? [`${count(variables.length, 'variable')} (${variables.join(', ')})`] : []),
    ...(loaded.sources.includes('code') ? ['the command line'] : []),
  ];
  yield { check, status: 'ok', says: `from ${parts.join(', ')}` };
  for (const warning of loaded.warnings) yield { check, status: 'warning', says: warning };
}

/** @returns whether the registry answers. */
async function* registryChecks(
  connection: Connection,
  choice: AdvertiseChoice | undefined,
): AsyncGenerator<Finding, boolean> {
  const { adapter, namespace } = connection;
  const name = adapter.type;
  const began = performance.now();
  let services: readonly string[];
  try {
    await connection.open();
    services = await connection.services();
  } catch (error) {
    if (isRefused(error)) {
      // Who refuses has answered.
      yield { check: 'registry', status: 'ok', says: `${name} answers` };
      yield refusedFinding(error);
      yield* skipped('the registry refuses', ['round trip']);
      return true;
    }
    yield failed('registry', error, unreachableRemedy(error));
    yield* skipped("the registry can't be used", ['credentials', 'round trip']);
    return false;
  }
  const tookMs = performance.now() - began;
  yield { check: 'registry', status: 'ok', says: `${name} answers, in ${formatDuration(tookMs)}`, tookMs };
  const says = `the list of services was read: ${count(services.length, 'service')} in the namespace ${namespace}`;
  yield { check: 'credentials', status: 'ok', says };
  try {
    const times = await roundTrip(connection, choice?.host ?? '127.0.0.1');
    yield {
      check: 'round trip',
      status: 'ok',
      says: [
        `a probe of ${PROBE_SERVICE} was registered (${formatDuration(times.registerMs)})`,
        `seen (${formatDuration(times.seenMs)})`,
        `deregistered (${formatDuration(times.deregisterMs)})`,
        `and seen gone (${formatDuration(times.goneMs)})`,
      ].join(', '),
      tookMs: times.registerMs + times.seenMs + times.deregisterMs + times.goneMs,
    };
  } catch (error) {
    const remedy = isRefused(error) ? 'give these credentials the right to write, or use others' : undefined;
    yield failed('round trip', error, remedy);
  }
  return true;
}

/** The address that an instance of this machine would be listed with. */
function address(
  { config }: LoadedConfig,
  adapter: RegistryAdapter,
): { readonly finding: Finding; readonly choice?: AdvertiseChoice } {
  const check = 'address';
  const remedy =
    'set service.host to the address that callers reach, or service.interface to where it is found';
  try {
    const choice = advertisedAddress(config, adapter.type);
    const says = choice.reason;
    if (isLoopback(choice.host) && isRemote(config.registry.options)) {
      const only = 'callers on other machines will not reach it, and the registry is on another machine';
      return { finding: { check, status: 'warning', says: `${says} But ${only}.`, remedy }, choice };
    }
    return { finding: { check, status: 'ok', says }, choice };
  } catch (error) {
    return { finding: failed(check, error, remedy) };
  }
}

function refusedFinding(error: unknown): Finding {
  const remedy =
    registryErrorCode(error) === 'UNAUTHENTICATED'
      ? 'give the credentials that the registry asks for, in the configuration or its variables'
      : 'give these credentials the right to list, or use others';
  return failed('credentials', error, remedy);
}

function unreachableRemedy(error: unknown): string | undefined {
  const code = registryErrorCode(error);
  if (code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') return undefined;
  return 'look whether it runs, and whether the address in registry.options is right and not behind a firewall';
}

function isRefused(error: unknown): boolean {
  const code = registryErrorCode(error);
  return code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED';
}

function failed(check: string, error: unknown, remedy?: string): Finding {
  const says = error instanceof Error ? error.message : String(error);
  return { check, status: 'failed', says, ...(remedy !== undefined && { remedy }) };
}

function* skipped(why: string, checks: readonly string[]): Generator<Finding, void> {
  for (const check of checks) yield { check, status: 'skipped', says: why };
}
