import type { InstanceStatus, ServiceInstance } from '@rollcall/core';

/** Metadata keys that begin so are the gateway's own: no client can write one, and no answer shows one. */
export const RESERVED_PREFIX = 'rollcall.';

/** The room in an entry that is kept free for the marks, in characters of the limit for tags, metadata and endpoints. */
export const RESERVED_CHARACTERS = 1_024;

const OWNER = 'rollcall.owner';
const GATEWAY = 'rollcall.gateway';
const WRITE = 'rollcall.write';
const ASKED = 'rollcall.asked';

/** What a gateway writes into an entry besides what the client asked for. */
export interface Marks {
  /** The subject that registered the instance. */
  readonly owner: string;
  /** The gateway that keeps it listed. */
  readonly gateway: string;
  /** Which write of that gateway this is: who changes the entry in place leaves it as it is. */
  readonly write: string;
  /** What the client asked for, where an operator's override stands in the entry instead. */
  readonly asked?: Asked;
}

/** The part of an instance that an operator may override. */
export interface Asked {
  readonly status: InstanceStatus;
  readonly weight: number;
}

/** An entry of the registry, taken apart. */
export interface MarkedInstance {
  /** The instance as clients see it: without the marks. */
  readonly instance: ServiceInstance;
  /** Left out for an entry that no gateway wrote. */
  readonly marks?: Marks;
}

/** The entry that is written to the registry: the instance with its marks. */
export function markInstance(
  instance: ServiceInstance,
  { owner, gateway, write, asked }: Marks,
): ServiceInstance {
  const metadata = {
    ...instance.metadata,
    [OWNER]: owner,
    [GATEWAY]: gateway,
    [WRITE]: write,
    ...(asked && { [ASKED]: `${asked.status} ${asked.weight}` }),
  };
  return Object.freeze({ ...instance, metadata: Object.freeze(metadata) });
}

/** Takes the marks off an entry. */
export function readMarks(entry: ServiceInstance): MarkedInstance {
  const { metadata } = entry;
  if (metadata === undefined) return { instance: entry };
  const pairs = Object.entries(metadata);
  const own = pairs.filter(([key]) => !key.startsWith(RESERVED_PREFIX));
  if (own.length === pairs.length) return { instance: entry };
  const { metadata: _metadata, ...rest } = entry;
  const instance: ServiceInstance = Object.freeze({
    ...rest,
    // `fromEntries` defines properties, so that a key named `__proto__` stays data.
    ...(own.length > 0 && { metadata: Object.freeze(Object.fromEntries(own)) }),
  });
  const { [OWNER]: owner, [GATEWAY]: gateway, [WRITE]: write, [ASKED]: asked } = metadata;
  if (owner === undefined || gateway === undefined || write === undefined) return { instance };
  const before = asked === undefined ? undefined : readAsked(asked);
  return { instance, marks: { owner, gateway, write, ...(before && { asked: before }) } };
}

function readAsked(text: string): Asked | undefined {
  const [status, weight] = text.split(' ');
  const number = Number(weight);
  if (status === undefined || weight === undefined || !Number.isFinite(number)) return undefined;
  return { status: status as InstanceStatus, weight: number };
}
