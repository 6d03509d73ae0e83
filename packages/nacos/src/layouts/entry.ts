import {
  type InstanceOverride,
  type InstanceSpec,
  instanceFromWire,
  overrideFromWire,
  RegistryError,
  type ServiceInstance,
  type ServiceKey,
} from '@rollcall/core';
import {
  fieldsFromMetadata,
  formatAddress,
  type HousedField,
  housedMetadata,
  parseJsonObject,
} from '@rollcall/core/dialects';
import type { WireInstance } from '../wire-instance.ts';

/** What differs among the layouts in one entry. */
export interface EntryForm {
  /** The fields that stand in the metadata as `rollcall.<field>`, unless `written` says them. */
  readonly housed: readonly HousedField[];
  /** What the weight 1 is in Nacos. */
  readonly unit: number;
  /** What the framework has in the metadata, and the fields that it says there. */
  readonly written: (instance: ServiceInstance) => Readonly<Record<string, string>>;
  /** Whether `written` says a housed field of this instance. */
  readonly says?: (field: HousedField, instance: ServiceInstance) => boolean;
  readonly read: (metadata: Readonly<Record<string, unknown>>) => Partial<InstanceSpec>;
  /** The keys of `written`: a user's own of these names stand elsewhere. */
  readonly taken: readonly string[];
}

/** Where the id stands that isn't host and port. */
const ID = 'rollcall.id';
/**
 * Where it stands when the connection was made that the entry hangs on, when the entry was written, and with which weight:
 * `{connection}/{write}/{weight}`.
 */
const SINCE = 'rollcall.since';
/** Where it stands what an operator put over an entry, of which id, and over which write of it. */
const OVERRIDE = 'rollcall.override';
/**
 * How often an instance beats, and how long it may be silent before it isn't healthy, and before it leaves, as parts of the
 * TTL; only with HTTP. Nacos refuses those that aren't in this order.
 */
const BEATS: ReadonlyMap<string, number> = new Map([
  ['preserved.heart.beat.interval', 1 / 3],
  ['preserved.heart.beat.timeout', 1],
  ['preserved.ip.delete.timeout', 1],
]);
/** {@link fieldsFromMetadata} takes it off. */
const OWN = 'rollcall.metadata.';

/** Nacos refuses weights above it (`com.alibaba.nacos.api.naming.pojo.Instance`). */
const MAX_WEIGHT = 10_000;
/** Nacos takes less for nothing. */
const MIN_WEIGHT = 0.01;

/**
 * An instance as an entry of Nacos. Its readers of other frameworks give calls to those that are healthy and have a weight: so who is
 * `DOWN` is not healthy, and who is in any other state but `UP` has no weight. The state itself stands in the metadata, because
 * Nacos calls all healthy when none is, and so does the true weight where the wire has another.
 */
export function encodeEntry(instance: ServiceInstance, form: EntryForm): Omit<WireInstance, 'clusterName'> {
  const weight = wireWeight(instance, form.unit);
  const isTold = readWeight(weight, instance.status !== 'UP', form.unit) === instance.weight;
  const housed: HousedField[] = [...form.housed.filter((field) => !form.says?.(field, instance)), 'status'];
  const metadata = housedMetadata(instance, isTold ? housed : [...housed, 'weight']);
  return {
    ip: instance.host,
    port: instance.port,
    weight,
    healthy: instance.status !== 'DOWN',
    metadata: {
      ...Object.fromEntries(
        Object.entries(metadata).map(([key, text]) => [isTaken(key, form) ? OWN + key : key, text]),
      ),
      ...form.written(instance),
      ...(instance.id !== formatAddress(instance) && { [ID]: instance.id }),
      // Where it is 1, `housedMetadata` takes it for the default.
      ...(!isTold && { 'rollcall.weight': String(instance.weight) }),
    },
  };
}

/** Reads what {@link encodeEntry} or another framework wrote. @throws {RegistryError} `PROTOCOL` */
export function decodeEntry(entry: WireInstance, key: ServiceKey, form: EntryForm): ServiceInstance {
  const { [ID]: id, [SINCE]: _since, ...metadata } = entry.metadata;
  const rest = Object.fromEntries(Object.entries(metadata).filter(([name]) => !isTaken(name, form)));
  const fields = fieldsFromMetadata(rest, [...form.housed, 'status', 'weight']);
  const { status = entry.healthy ? 'UP' : 'DOWN' } = fields;
  if (typeof entry.weight !== 'number') throw new RegistryError('PROTOCOL', 'its weight is not a number');
  return instanceFromWire({
    ...key,
    host: entry.ip,
    port: entry.port,
    weight: readWeight(entry.weight, fields.status !== undefined, form.unit),
    ...form.read(entry.metadata),
    ...fields,
    status,
    ...(id !== undefined && { id }),
  });
}

/** The id that an entry has, even if the rest can't be read. */
export function idOf({ metadata, ip, port }: WireInstance): string {
  const id: unknown = metadata[ID];
  return typeof id === 'string' ? id : formatAddress({ host: ip, port });
}

/**
 * The entry, with the moment when the connection was made that it hangs on, 0 for none: of two with one id the younger
 * counts. And with what tells this write of it from others.
 */
export function withSince<T extends Pick<WireInstance, 'metadata' | 'weight'>>(
  entry: T,
  connectedAt: number,
  writtenAt: number,
): T {
  const since = [connectedAt.toString(36), writtenAt.toString(36), entry.weight].join('/');
  return { ...entry, metadata: { ...entry.metadata, [SINCE]: since } };
}

/**
 * What an operator puts over an entry that is another's. Nacos keeps such things by itself, beside what the owner registers, and shows
 * weight and metadata of both as one; whatever the owner registers afterwards, it goes on with. So this says of which write it is:
 * a later one is not changed by it, see {@link uncovered}.
 */
export function overlayOf(
  standing: WireInstance,
  { id, status, weight }: ServiceInstance,
): Readonly<Record<string, string>> {
  return { [OVERRIDE]: JSON.stringify({ of: writeOf(standing).write, id, status, weight }) };
}

/** Whether an entry as it is listed shows just that overlay. */
export function shows({ metadata }: WireInstance, overlay: Readonly<Record<string, string>>): boolean {
  return metadata[OVERRIDE] === overlay[OVERRIDE];
}

/** An entry as its owner wrote it, and what an operator has changed since. */
export function uncovered(listed: WireInstance): { entry: WireInstance; change?: InstanceOverride } {
  const { [OVERRIDE]: text, ...metadata } = listed.metadata;
  if (text === undefined) return { entry: listed };
  const { write, weight } = writeOf(listed);
  const entry = { ...listed, metadata, ...(weight !== undefined && { weight }) };
  let overlay: Readonly<Record<string, unknown>>;
  try {
    overlay = parseJsonObject(text);
  } catch {
    return { entry };
  }
  if (overlay['of'] !== write || overlay['id'] !== idOf(entry)) return { entry };
  return { entry, change: overrideFromWire(overlay) };
}

/** Which write of its owner's an entry is, and the weight that it wrote; nothing where the owner is no Rollcall. */
function writeOf({ metadata }: WireInstance): { readonly write: string; readonly weight?: number } {
  const since: unknown = metadata[SINCE];
  const [, write = '', weight = ''] = typeof since === 'string' ? since.split('/') : [];
  return { write, ...(weight !== '' && { weight: Number(weight) }) };
}

/** The entry, with how long Nacos is to wait for its beats. */
export function withTtl<T extends Pick<WireInstance, 'metadata'>>(entry: T, ttlMs: number): T {
  const added = [...BEATS].map(([key, part]) => [key, String(Math.floor(ttlMs * part))] as const);
  return { ...entry, metadata: { ...entry.metadata, ...Object.fromEntries(added) } };
}

/** 0 for an entry that doesn't say it. */
export function sinceOf({ metadata }: WireInstance): number {
  const since: unknown = metadata[SINCE];
  const wallMs = typeof since === 'string' ? Number.parseInt(since, 36) : 0;
  return Number.isFinite(wallMs) ? wallMs : 0;
}

/** Whether a key of the metadata is not the user's. */
function isTaken(key: string, { taken }: EntryForm): boolean {
  return taken.includes(key) || BEATS.has(key);
}

function wireWeight({ status, weight }: ServiceInstance, unit: number): number {
  if ((status !== 'UP' && status !== 'DOWN') || weight === 0) return 0;
  return Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, weight * unit));
}

function readWeight(weight: number, hasStatus: boolean, unit: number): number {
  return hasStatus && weight === 0 ? 1 : weight / unit;
}
