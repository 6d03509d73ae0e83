import { lastFailure, prepare, prepared } from './cache.ts';
import type { Availability, Progress, RegistryType, RunningByType, StartOptions } from './contract.ts';
import { inFolder, type Programs, programsBeside, programsOnPath } from './programs.ts';
import { consul } from './servers/consul.ts';
import { etcd } from './servers/etcd.ts';
import { eureka } from './servers/eureka.ts';
import { gateway } from './servers/gateway.ts';
import { nacos, nacos2 } from './servers/nacos.ts';
import type { ServerKind } from './servers/server-kind.ts';
import { zookeeper } from './servers/zookeeper.ts';
import { basename, dirname } from 'node:path';

const kinds: { readonly [Type in RegistryType]: ServerKind<Type> } = {
  etcd,
  zookeeper,
  consul,
  nacos,
  nacos2,
  eureka,
  gateway,
};

/** The registries that can be started. */
export const registryTypes: readonly RegistryType[] = Object.values(kinds).map((kind) => kind.type);

/**
 * Gives a registry that serves. One that already runs is used when the environment names it and the options don't ask
 * for our own; else servers are started from a program that the environment names, from PATH, or from the cache, where they
 * are prepared first when they are missing: that takes minutes, and `availability()` says beforehand whether it would.
 *
 * Rejects with what was tried and, when a server fails to start, with the end of its log.
 */
export async function startRegistry<Type extends RegistryType>(
  type: Type,
  options: StartOptions = {},
): Promise<RunningByType[Type]> {
  const kind: ServerKind<Type> = kinds[type];
  const endpoints = wantsOwn(options) ? undefined : endpointsFrom(process.env[kind.endpointsVariable]);
  if (endpoints) return kind.attach(endpoints, found(kind));
  const programs = found(kind) ?? (await prepare(kind, { progress: options.progress ?? lineOnStderr(type) }));
  return kind.start(programs, options);
}

/**
 * Whether `startRegistry()` with the same options gives a registry without preparing anything first, for tests that
 * skip, and say so, where there is none.
 */
export function availability(type: RegistryType, options: StartOptions = {}): Availability {
  const kind = kinds[type];
  const endpoints = wantsOwn(options) ? undefined : endpointsFrom(process.env[kind.endpointsVariable]);
  if (endpoints) return { available: true, source: `already running at ${endpoints.join(', ')}` };
  try {
    const programs = found(kind);
    if (programs) return { available: true, source: programs.source };
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error) };
  }
  const failure = lastFailure(kind);
  const why = failure === undefined ? '' : ` The last try: ${failure}`;
  const ways = `run \`npm run registries -- prepare ${type}\`, or set ${kind.programVariable} or ${kind.endpointsVariable}`;
  return { available: false, reason: `no ${type} server was found: ${ways}.${why}` };
}

/** Prepares a server, where none is found, so that starting it takes no time. Resolves with where it comes from. */
export async function prepareRegistry(
  type: RegistryType,
  options: { readonly progress?: Progress; readonly force?: boolean } = {},
): Promise<string> {
  const kind = kinds[type];
  const programs =
    (options.force ? undefined : found(kind)) ??
    (await prepare(kind, {
      progress: options.progress ?? lineOnStderr(type),
      force: options.force ?? false,
    }));
  return programs.source;
}

function found(kind: ServerKind<RegistryType>): Programs | undefined {
  const file = process.env[kind.programVariable];
  if (file) {
    if (inFolder(basename(file), dirname(file)) === undefined) {
      throw new Error(`${kind.programVariable} names ${file}, which is no program that can be run`);
    }
    return programsBeside(file, kind.programs[0] ?? kind.type, kind.programVariable);
  }
  return programsOnPath(kind.programs) ?? prepared(kind);
}

function wantsOwn(options: StartOptions): boolean {
  const { own, nodes, auth, tls, flags, behind, port } = options;
  return Boolean(own || nodes === 3 || auth || tls || flags?.length || behind || port !== undefined);
}

function endpointsFrom(text: string | undefined): string[] | undefined {
  const endpoints = (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => (part.includes('://') ? part : `http://${part}`));
  return endpoints.length === 0 ? undefined : endpoints;
}

function lineOnStderr(type: RegistryType): Progress {
  return (line) => process.stderr.write(`${type}: ${line}\n`);
}
