import { RegistryError } from '@rollcall/core';
import { isObject, parseJsonObject } from '@rollcall/core/dialects';

/** One instance as an answer of Eureka has it. */
export interface Entry {
  readonly app: string;
  /** Unique in its app. */
  readonly instanceId: string;
  /** As it stands there: not necessarily one that Rollcall knows. */
  readonly status: string;
  /** When this server last took a change of it, in milliseconds by its own clock. */
  readonly updatedAt: number;
  /** The version of the content, as its owner counts. */
  readonly dirtyAt: number;
  /** Whether it left. Only an answer of changes has such. */
  readonly isRemoved: boolean;
  readonly raw: unknown;
}

/** What Eureka answers for all apps, or for the changes among them. */
export interface Applications {
  readonly entries: readonly Entry[];
  /** How many instances of each status it has now, as text: {@link countsText}. */
  readonly hash: string | undefined;
}

/** @throws {RegistryError} `PROTOCOL` when it isn't one. */
export function readApplications(text: string): Applications {
  const { applications } = parseJsonObject(text);
  if (!isObject(applications)) throw new RegistryError('PROTOCOL', 'has no applications');
  const hash = applications['apps__hashcode'];
  return {
    entries: listOf(applications['application']).flatMap((app) => (isObject(app) ? readInstances(app) : [])),
    hash: typeof hash === 'string' ? hash : undefined,
  };
}

/** What Eureka answers for one app. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readApplication(text: string): readonly Entry[] {
  const { application } = parseJsonObject(text);
  if (!isObject(application)) throw new RegistryError('PROTOCOL', 'has no application');
  return readInstances(application);
}

/** What Eureka answers for one instance. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readInstance(text: string): Readonly<Record<string, unknown>> {
  const { instance } = parseJsonObject(text);
  if (!isObject(instance)) throw new RegistryError('PROTOCOL', 'has no instance');
  return instance;
}

/** The same, as an entry of its app. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readInstanceEntry(app: string, text: string): Entry {
  const instance = readInstance(text);
  return entryOf(app, instance, instance, 0);
}

/** Some versions write numbers as strings. */
export function numberOf(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : 0;
}

function readInstances({ name, instance }: Readonly<Record<string, unknown>>): Entry[] {
  const app = String(name).toUpperCase();
  return listOf(instance).map((raw, place) => entryOf(app, isObject(raw) ? raw : {}, raw, place));
}

function entryOf(app: string, info: Readonly<Record<string, unknown>>, raw: unknown, place: number): Entry {
  return {
    app,
    instanceId: idOf(info) ?? `#${place}`,
    status: String(info['status']),
    updatedAt: numberOf(info['lastUpdatedTimestamp']),
    dirtyAt: numberOf(info['lastDirtyTimestamp']),
    isRemoved: info['actionType'] === 'DELETED',
    raw,
  };
}

/** Clients from before instance ids are known by their host. */
function idOf({ instanceId, hostName }: Readonly<Record<string, unknown>>): string | undefined {
  const id = instanceId ?? hostName;
  return typeof id === 'string' ? id : undefined;
}

/** Some versions write a list of one as that one. */
function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
