import {
  decodeInstance,
  type InstanceStatus,
  ListTeller,
  overridden,
  RegistryError,
  sameInstance,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
  type WatchEvent,
} from '@rollcall/core';
import { isObject } from '@rollcall/core/dialects';
import type { ConsulService, Layout } from './layouts/layout.ts';
import { decodeServiceId } from './layouts/names.ts';
import { OVERRIDE_CHECK, readOverride } from './override-check.ts';
import type { Answered } from './reading.ts';

/** What the ID of the check of each entry that Rollcall writes starts with; the entry's ID follows. */
export const OWN_CHECK = 'rollcall:';

/** The check of the node itself, which the agents' gossip keeps. */
const NODE_CHECK = 'serfHealth';

/** By Consul's maintenance mode, of a service or of its node. */
const MAINTENANCE = /^_(?:service_maintenance:|node_maintenance$)/u;

/** What a reader of one service knows: each entry is decoded when it changes, and only then. */
export class ServiceView {
  readonly #key: ServiceKey;
  readonly #layout: Layout;
  readonly #teller = new ListTeller();
  /** By node and ID. */
  #readings: ReadonlyMap<string, Reading> = new Map();
  #instances: ReadonlyMap<string, ServiceInstance> = new Map();
  /** What {@link lacks} has made of an answer that is likely to be followed next. */
  #looked: { readonly text: string; readonly compared: Compared } | undefined;

  constructor(key: ServiceKey, layout: Layout) {
    this.#key = key;
    this.#layout = layout;
  }

  /** @param text an answer of `/health/service`. @throws {RegistryError} `PROTOCOL` when it is none. */
  read(text: string): { instances: readonly ServiceInstance[]; skipped: readonly SkippedEntry[] } {
    this.#settle(this.#compare(text));
    return { instances: [...this.#instances.values()], skipped: this.#skipped() };
  }

  /** What an answer changes; `undefined` for nothing. */
  follow({ text, index, isReset }: Answered): WatchEvent | undefined {
    // Indexes that were counted anew say nothing about what was known.
    if (isReset) {
      this.#readings = new Map();
      this.#looked = undefined;
    }
    return this.#teller.next({ ...this.read(text), revision: String(index) }, { isWhole: isReset });
  }

  /** Whether somebody who is known is missing in that answer. */
  lacks(text: string): boolean {
    const compared = this.#compare(text);
    this.#looked = { text, compared };
    const { instances } = compared;
    return [...this.#instances.keys()].some((id) => !instances.has(id));
  }

  #skipped(): SkippedEntry[] {
    return [...this.#readings.values()].flatMap(({ skipped }) => (skipped ? [skipped] : []));
  }

  #settle({ readings, instances }: Compared): void {
    this.#readings = readings;
    this.#instances = instances;
    this.#looked = undefined;
  }

  /** Reads an answer; what is the same as before is not decoded again, and stays the same object. */
  #compare(text: string): Compared {
    if (this.#looked?.text === text) return this.#looked.compared;
    const readings = new Map<string, Reading>();
    const best = new Map<string, Reading>();
    for (const [i, raw] of parseList(text).entries()) {
      const entry = entryOf(raw);
      if (!entry) {
        const skipped = { key: `${this.#key.service}/#${i}`, reason: 'it is not an entry of a service' };
        readings.set(`#${i}`, { modified: 0, host: '', marks: [], skipped });
        continue;
      }
      const place = `${entry.node}/${entry.service.ID}`;
      const known = this.#readings.get(place);
      const reading = known && isOf(known, entry) ? known : this.#decode(entry, place);
      readings.set(place, reading);
      if (!reading.instance) continue;
      // The process moved to another agent, and its former one hasn't removed the entry yet.
      const other = best.get(reading.instance.id);
      if (!other || other.modified < reading.modified) best.set(reading.instance.id, reading);
    }
    const instances = new Map<string, ServiceInstance>();
    for (const [id, { instance }] of best) {
      if (!instance) continue;
      const before = this.#instances.get(id);
      instances.set(id, before && sameInstance(before, instance) ? before : instance);
    }
    return { readings, instances };
  }

  #decode(entry: Entry, place: string): Reading {
    const { modified, host, checks } = entry;
    const base = {
      modified,
      host,
      marks: checks.flatMap(({ CheckID, Status, Notes }) => [CheckID, Status, String(Notes)]),
    };
    try {
      const instance = this.#instanceOf(entry);
      return instance ? { ...base, instance } : base;
    } catch (error) {
      return { ...base, skipped: skippedEntry(place, error) };
    }
  }

  /** `undefined` for what is listed still, and isn't alive. */
  #instanceOf({ service, host, checks }: Entry): ServiceInstance | undefined {
    const id = decodeServiceId(service.ID, this.#key);
    const own = checks.find(({ CheckID }) => CheckID === OWN_CHECK + service.ID);
    if (!own) {
      // Somebody removed the check of an entry of ours, and with it the proof of life.
      if (id !== undefined) return undefined;
      return standing(this.#layout.read(service, this.#key, host), service.ID, checks);
    }
    if (own.Type === 'ttl') {
      // The lease ended, or the agent that keeps it is gone; the agent removes the entry a minute later or more.
      if (own.Status === 'critical' || checks.some(isDeadNode)) return undefined;
    }
    if (id === undefined) throw new RegistryError('PROTOCOL', 'its ID is not one that Rollcall writes');
    const notes = typeof own.Notes === 'string' ? own.Notes : '';
    return standing(decodeInstance(notes, { ...this.#key, id }), service.ID, checks);
  }
}

/** What an answer says. */
interface Compared {
  /** By node and ID. */
  readonly readings: ReadonlyMap<string, Reading>;
  readonly instances: ReadonlyMap<string, ServiceInstance>;
}

/** One entry, once read. Neither `instance` nor `skipped`: it is there, but nobody is alive behind it. */
interface Reading {
  readonly modified: number;
  readonly host: string;
  /** Of each check its ID, status and notes. */
  readonly marks: readonly string[];
  readonly instance?: ServiceInstance;
  readonly skipped?: SkippedEntry;
}

export interface Entry {
  readonly node: string;
  readonly host: string;
  readonly modified: number;
  readonly service: ConsulService;
  readonly checks: readonly Check[];
}

interface Check {
  readonly CheckID: string;
  readonly Status: string;
  readonly Type?: unknown;
  readonly Notes?: unknown;
}

/**
 * What an operator put over an instance holds before what it says of itself. Other checks only take away: an instance that says `UP`
 * is `OUT_OF_SERVICE` in maintenance mode, and `DOWN` when a check is critical. What it says otherwise is nearer to the truth than
 * a check.
 */
function standing(own: ServiceInstance, serviceId: string, checks: readonly Check[]): ServiceInstance {
  const over = checks.find(({ CheckID }) => CheckID === OVERRIDE_CHECK + serviceId);
  const instance = over ? overridden(own, readOverride(over.Notes)) : own;
  if (instance.status !== 'UP') return instance;
  const critical = checks.filter(
    (check) => check !== over && (check.Status === 'critical' || check.Status === 'maintenance'),
  );
  if (critical.length === 0) return instance;
  const status: InstanceStatus = critical.some(({ CheckID }) => MAINTENANCE.test(CheckID))
    ? 'OUT_OF_SERVICE'
    : 'DOWN';
  return overridden(instance, { status });
}

function isDeadNode({ CheckID, Status }: Check): boolean {
  return CheckID === NODE_CHECK && Status === 'critical';
}

/** Whether it is still what was read: nothing is made for that, since most of a list doesn't change. */
function isOf({ modified, host, marks }: Reading, entry: Entry): boolean {
  if (modified !== entry.modified || host !== entry.host || marks.length !== 3 * entry.checks.length)
    return false;
  return entry.checks.every(
    ({ CheckID, Status, Notes }, i) =>
      marks[3 * i] === CheckID && marks[3 * i + 1] === Status && marks[3 * i + 2] === String(Notes),
  );
}

/** The entries of an answer of `/health/service`. @throws {RegistryError} `PROTOCOL` when it is none. */
export function parseList(text: string): readonly unknown[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new RegistryError('PROTOCOL', 'the answer of the Consul agent is not JSON', { cause: error });
  }
  // Go writes an empty list as `null` in some places.
  if (list === null) return [];
  if (!Array.isArray(list))
    throw new RegistryError('PROTOCOL', 'the answer of the Consul agent is not a list');
  return list;
}

/** One of them, as far as it is one. */
export function entryOf(raw: unknown): Entry | undefined {
  if (!isObject(raw) || !isObject(raw['Node']) || !isObject(raw['Service'])) return undefined;
  const { Node: node, Service: service, Checks: checks } = raw;
  if (typeof node['Node'] !== 'string' || !isConsulService(service)) return undefined;
  return {
    node: node['Node'],
    host: [service.Address, node['Address']].find(isText) ?? '',
    modified: typeof service['ModifyIndex'] === 'number' ? service['ModifyIndex'] : 0,
    service,
    checks: Array.isArray(checks) ? checks.filter(isCheck) : [],
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isConsulService(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & ConsulService {
  return typeof value['ID'] === 'string' && typeof value['Service'] === 'string';
}

function isCheck(value: unknown): value is Check {
  return isObject(value) && typeof value['CheckID'] === 'string' && typeof value['Status'] === 'string';
}
