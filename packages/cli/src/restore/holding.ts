import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Registration, Registry, ServiceInstance } from '@rollcall/core';
import type { Connection } from '../connection.ts';
import { accepts } from '../port-open.ts';

/**
 * Says which of the entries are those of one `restore`. Who registers the id without it has taken it over. Not below
 * `rollcall.`, which a gateway keeps for itself.
 */
const RESTORED_KEY = 'rollcall-restored';

/** Metadata that tells who kept an entry, and isn't of the instance. */
const isOfKeepers = (key: string): boolean => key.startsWith('rollcall.') || key === RESTORED_KEY;

/** Between two looks whether the ports are open, in milliseconds. */
const CHECK_EVERY_MS = 5_000;

/** After so many looks that find a port closed, one after the other, its instance is taken out. */
const CLOSED_LOOKS = 2;

/** As good as for ever: the wait for a list that has it, in milliseconds. */
const DAY_MS = 86_400_000;

/** So many ports are tried at once. */
const PORTS_AT_ONCE = 64;

/**
 * Where an instance stands that is held.
 *
 * | state | means | goes on to |
 * |---|---|---|
 * | `waiting` | its port is closed, so it isn't listed | `listed`, `taken` |
 * | `listed` | kept listed by this process | `waiting`, `taken`, `left` |
 * | `taken` | another process has registered it: never touched again | |
 * | `left` | taken out, at the end | |
 */
export type HoldState = 'waiting' | 'listed' | 'taken' | 'left';

export interface Holding {
  readonly instance: ServiceInstance;
  readonly state: HoldState;
}

export interface HoldOptions {
  readonly registry: Registry;
  /** Looks past every cache, before something is taken out. */
  readonly connection: Connection;
  /** Lists them whether or not their ports are open. */
  readonly unchecked: boolean;
  readonly timeoutMs: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly onChange: (holding: Holding, all: readonly Holding[]) => void;
}

interface Held {
  readonly instance: ServiceInstance;
  state: HoldState;
  closedLooks: number;
  registration: Registration | undefined;
}

/**
 * Keeps instances listed that other processes left, until those processes register them, or until the signal; then takes out
 * what is still held. Only while its port is open: who doesn't answer isn't listed. Should this process die, the registry
 * takes them out, as it does with any that nobody proves to be alive.
 *
 * @returns whether every instance was taken over.
 * @throws {RegistryError} when the registry can't be read at the start, or an instance couldn't be taken out at the end.
 */
export async function holdInstances(
  instances: readonly ServiceInstance[],
  { registry, connection, unchecked, timeoutMs, signal, onChange }: HoldOptions,
): Promise<boolean> {
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal]);
  const mark = randomBytes(8).toString('hex');
  const all: Held[] = instances.map((instance) => ({
    instance: marked(instance, mark),
    state: 'waiting',
    closedLooks: 0,
    registration: undefined,
  }));
  const isOurs = (listed: ServiceInstance): boolean => listed.metadata?.[RESTORED_KEY] === mark;
  const move = (held: Held, to: HoldState): void => {
    if (held.state === to) return;
    held.state = to;
    onChange(held, all);
  };

  const take = (service: string, listed: readonly ServiceInstance[]): void => {
    const others = new Set(listed.filter((one) => !isOurs(one)).map(({ id }) => id));
    for (const held of all) {
      if (held.instance.service !== service || !others.has(held.instance.id) || held.state === 'taken')
        continue;
      held.registration?.release();
      held.registration = undefined;
      move(held, 'taken');
    }
    if (all.every(({ state }) => state === 'taken')) done.abort();
  };

  const list = (held: Held): void => {
    held.closedLooks = 0;
    if (held.registration || held.state !== 'waiting') return;
    const registration = registry.register(held.instance);
    held.registration = registration;
    void whenListed(held, registration);
  };

  const whenListed = async (held: Held, registration: Registration): Promise<void> => {
    try {
      await registration.listed({ timeoutMs: DAY_MS, signal: until });
      if (held.registration === registration) move(held, 'listed');
    } catch {
      // It was taken out, or let go of, before it was listed.
    }
  };

  /** A look past every cache: an entry of another is left to it, and isn't taken out for ours. */
  const letGoOfOthers = async (service: string): Promise<void> => {
    take(service, (await connection.discover(service)).instances);
  };

  const takeOut = async (held: Held, to: 'waiting' | 'left'): Promise<void> => {
    const { registration } = held;
    if (!registration) return;
    held.registration = undefined;
    try {
      await registration.deregister({ timeoutMs });
    } finally {
      if (held.state === 'listed') move(held, to);
    }
  };

  const closed = async (held: Held): Promise<void> => {
    if (!held.registration || ++held.closedLooks < CLOSED_LOOKS) return;
    await letGoOfOthers(held.instance.service);
    await takeOut(held, 'waiting');
  };

  const follow = async (service: string): Promise<void> => {
    const view = registry.service(service);
    for await (const snapshot of view.changes({ signal: until })) take(service, snapshot.instances);
  };

  const services = [...new Set(all.map(({ instance }) => instance.service))];
  // Who has come since the plan was made is left alone from the start.
  for (const service of services) {
    const { instances: listed } = await registry.service(service).load({ timeoutMs, signal });
    take(service, listed);
  }
  const following = Promise.allSettled(services.map(follow));

  if (unchecked) for (const held of all) list(held);
  while (!until.aborted) {
    if (!unchecked) await lookAtPorts(all, { list, closed });
    await pause(CHECK_EVERY_MS, undefined, { signal: until }).catch(() => {});
  }
  await following;
  if (all.every(({ state }) => state === 'taken')) return true;
  for (const service of services) await letGoOfOthers(service);
  await Promise.all(all.map((held) => takeOut(held, 'left')));
  return false;
}

async function lookAtPorts(
  all: readonly Held[],
  { list, closed }: { readonly list: (held: Held) => void; readonly closed: (held: Held) => Promise<void> },
): Promise<void> {
  const left = all.filter(({ state }) => state !== 'taken').values();
  const worker = async (): Promise<void> => {
    for (const held of left) {
      const { host, port } = held.instance;
      if (await accepts(host, port)) list(held);
      // That it can't be taken out now is seen at the next look.
      else await closed(held).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: PORTS_AT_ONCE }, worker));
}

/** The instance with our mark, and without those of others. */
function marked(instance: ServiceInstance, mark: string): ServiceInstance {
  const own = Object.entries(instance.metadata ?? {}).filter(([key]) => !isOfKeepers(key));
  return Object.freeze({ ...instance, metadata: { ...Object.fromEntries(own), [RESTORED_KEY]: mark } });
}
