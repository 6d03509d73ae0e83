import {
  type CallOptions,
  encodeInstance,
  type InstanceKey,
  type Lease,
  RegistryError,
  type RegisterOptions,
  type ServiceInstance,
} from '@rollcall/core';
import { formatAddress, isObject } from '@rollcall/core/dialects';
import type { Agent } from './agent.ts';
import { type Agents, ATTEMPT_MS, type Call, isOutage } from './agents.ts';
import type { Layout } from './layouts/layout.ts';
import { encodeServiceId } from './layouts/names.ts';
import type { ResolvedConsulOptions } from './options.ts';
import { OWN_CHECK } from './service-view.ts';

/** The TTLs that are granted, in milliseconds. Consul has no limits; a shorter one than this is no use over a network. */
export const TTL_RANGE_MS = { min: 1_000, max: 86_400_000 } as const;

/** How long a former agent may take to remove an entry while a beat waits, in milliseconds. */
const LEAVE_MS = 1_000;

/**
 * The entries that this process has in Consul.
 *
 * An entry belongs to the agent that took it: that one keeps its check, sees to it that the catalog has it, and only there
 * can it be renewed. When the agent is gone, the lease is lost, and the next registration goes to another agent; the
 * entry at the former one is removed from the catalog, and from the agent itself as soon as it answers again.
 */
export class Registrations {
  readonly #agents: Agents;
  readonly #layout: Layout;
  readonly #check: ResolvedConsulOptions['check'];
  /** By their IDs in Consul. */
  readonly #held = new Map<string, Held>();

  constructor(agents: Agents, layout: Layout, check: ResolvedConsulOptions['check']) {
    this.#agents = agents;
    this.#layout = layout;
    this.#check = check;
  }

  async register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    const { signal } = options;
    const doing = `register ${instance.service}/${instance.id} in Consul`;
    const id = encodeServiceId(instance);
    const ttlMs = Math.min(Math.max(Math.ceil(options.ttlMs), TTL_RANGE_MS.min), TTL_RANGE_MS.max);
    const entry = this.#entryOf(instance, id, ttlMs);
    const before = this.#held.get(id);
    const isSame = before !== undefined && JSON.stringify(before.entry) === JSON.stringify(entry);
    // The same once more, after it was taken: the core misses it in the list. The agent would take it for in order, and do
    // nothing. What only tries again is sent as it was, which costs the servers no change.
    const repeats = isSame ? before.repeats + (before.isTaken ? 1 : 0) : 0;
    const home = before?.isLost === false ? before.agent : undefined;
    const { agent, token } = await this.#agents.ask(
      { method: 'PUT', path: REGISTER, query: REPLACE_CHECKS, body: repeated(entry, repeats), signal, doing },
      home,
    );
    const held: Held = {
      id,
      agent,
      token,
      entry,
      repeats,
      isUp: instance.status === 'UP',
      isLost: false,
      isTaken: false,
      former: new Set(before && [before.agent, ...before.former]),
    };
    held.former.delete(agent);
    this.#held.set(id, held);
    // An agent keeps the status of a check that it knows, whatever the registration says, critical too.
    await this.#beat(held, { signal }, doing);
    if (held.former.size > 0) await this.#leaveBehind(held, entry.Name, signal, doing);
    held.isTaken = true;
    return { ttlMs, renew: (call) => this.#renew(id, call) };
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id} in Consul`;
    const id = encodeServiceId(instance);
    const name = this.#layout.serviceName(instance);
    const held = this.#held.get(id);
    const call: Call = { method: 'PUT', path: DEREGISTER, params: { id }, signal, doing, mayBeMissing: true };
    let isDone = false;
    // What a beat writes anew meanwhile must not come after this.
    if (held && !signal.aborted) {
      held.isLost = true;
      await held.rewriting?.catch(() => {});
    }
    if (held) {
      const others = this.#agents.count > 1;
      try {
        await this.#agents.on(held.agent, { ...call, ...(others && { timeoutMs: ATTEMPT_MS }) });
        isDone = held.former.size === 0;
      } catch (error) {
        if (!others || !isOutage(error) || signal.aborted) throw error;
        this.#agents.failed(held.agent);
      }
      await this.#leaveFormer(held, signal, doing);
    } else await this.#agents.ask(call);
    // The entry of an agent that can't be reached, or that another run of this process used.
    if (!isDone) await this.#removeFromCatalog(name, id, { signal, doing });
    this.#held.delete(id);
  }

  /** @throws {RegistryError} `LEASE_LOST` when the agent doesn't know the entry, or is gone while there are others. */
  async #beat(held: Held, { signal }: CallOptions, doing: string): Promise<void> {
    const { id, agent } = held;
    try {
      await this.#renewToken(held, signal, doing);
      const isProbed = this.#check.type !== 'ttl';
      const { answer } = await this.#agents.on(agent, {
        ...(isProbed
          ? { method: 'GET', path: '/agent/service/{id}', params: { id } }
          : {
              method: 'PUT',
              // Who reads passing entries only passes over one with a warning: it isn't up.
              path: held.isUp ? '/agent/check/pass/{check}' : '/agent/check/warn/{check}',
              params: { check: OWN_CHECK + id },
            }),
        signal,
        doing,
        mayBeMissing: true,
      });
      if (answer.status !== 404) return;
    } catch (error) {
      const isGone = error instanceof RegistryError && error.code === 'UNAVAILABLE' && this.#agents.count > 1;
      if (!isGone) throw error;
      this.#agents.failed(agent);
      held.isLost = true;
      throw new RegistryError('LEASE_LOST', `${error.message}; register at another agent`, { cause: error });
    }
    held.isLost = true;
    throw lost(doing, `the agent at ${agent.address} doesn't know it any more`);
  }

  /** A beat, and what is left to do at former agents. */
  async #renew(id: string, { signal }: CallOptions): Promise<void> {
    const doing = `renew ${id} in Consul`;
    const held = this.#held.get(id);
    if (!held || held.isLost) throw lost(doing, 'its lease has ended');
    await Promise.all([this.#beat(held, { signal }, doing), this.#leaveFormer(held, signal, doing)]);
  }

  /** The agent keeps an entry in the catalog with the token that registered it, which is about to be revoked. */
  async #renewToken(held: Held, signal: AbortSignal, doing: string): Promise<void> {
    const token = await this.#agents.token(signal);
    if (held.isLost || token === held.token) return;
    const body = repeated(held.entry, held.repeats);
    const rewrite = async () => {
      // With all checks left as they are, what an operator put over it too.
      const call: Call = { method: 'PUT', path: REGISTER, body, signal, doing };
      held.token = (await this.#agents.on(held.agent, call)).token;
    };
    held.rewriting = rewrite();
    await held.rewriting;
  }

  /** After a move: what can't be done now is done with later beats, or by the former agent itself. */
  async #leaveBehind(held: Held, name: string, signal: AbortSignal, doing: string): Promise<void> {
    await this.#leaveFormer(held, signal, doing);
    try {
      const filter = `CheckID == ${JSON.stringify(OWN_CHECK + held.id)}`;
      const call: Call = { method: 'GET', path: '/agent/checks', query: { filter }, signal, doing };
      const { answer } = await this.#agents.on(held.agent, call);
      const [check] = Object.values(JSON.parse(answer.text) as Record<string, { Node?: string }>);
      if (check?.Node !== undefined)
        await this.#removeFromCatalog(name, held.id, { signal, doing, keepNode: check.Node });
    } catch (error) {
      if (signal.aborted) throw error;
    }
  }

  async #leaveFormer(held: Held, signal: AbortSignal, doing: string): Promise<void> {
    const leave = async (agent: Agent) => {
      const params = { id: held.id };
      const call: Call = { method: 'PUT', path: DEREGISTER, params, signal, doing, mayBeMissing: true };
      try {
        await this.#agents.on(agent, { ...call, timeoutMs: LEAVE_MS });
        held.former.delete(agent);
      } catch {
        // It stays among the former ones.
      }
    };
    await Promise.all([...held.former].map(leave));
  }

  async #removeFromCatalog(name: string, id: string, options: RemoveOptions): Promise<void> {
    const { signal, doing, keepNode } = options;
    const query = { filter: `Service.ID == ${JSON.stringify(id)}` };
    const read: Call = {
      method: 'GET',
      path: '/health/service/{name}',
      params: { name },
      query,
      signal,
      doing,
    };
    const { answer } = await this.#agents.ask(read);
    const entries: unknown = JSON.parse(answer.text);
    for (const entry of Array.isArray(entries) ? entries : []) {
      const node = isObject(entry) && isObject(entry['Node']) ? entry['Node']['Node'] : undefined;
      if (typeof node !== 'string' || node === keepNode) continue;
      const body = { Node: node, ServiceID: id };
      await this.#agents.ask({ method: 'PUT', path: '/catalog/deregister', body, signal, doing });
    }
  }

  #entryOf(instance: ServiceInstance, id: string, ttlMs: number): AgentEntry {
    const { Meta, ...shown } = this.#layout.show(instance);
    const { host, port, weight, status } = instance;
    return {
      ID: id,
      Name: this.#layout.serviceName(instance),
      Address: host,
      Port: port,
      Meta: takenByConsul(Meta),
      ...shown,
      // For DNS, which has whole ones from 1.
      Weights: { Passing: Math.min(Math.max(Math.round(weight), 1), 65_535), Warning: 1 },
      EnableTagOverride: false,
      Check: {
        CheckID: OWN_CHECK + id,
        Name: 'Rollcall',
        // The whole instance, for Rollcall's readers.
        Notes: encodeInstance(instance),
        Status: status === 'UP' || this.#check.type !== 'ttl' ? 'passing' : 'warning',
        DeregisterCriticalServiceAfter: `${this.#check.removeAfterMs}ms`,
        ...this.#proofOfLife(instance, ttlMs),
      },
    };
  }

  #proofOfLife(instance: ServiceInstance, ttlMs: number): object {
    const { type, path, intervalMs, timeoutMs } = this.#check;
    const times = { Interval: `${intervalMs}ms`, Timeout: `${timeoutMs}ms` };
    const address = formatAddress(instance);
    if (type === 'ttl') return { TTL: `${ttlMs}ms` };
    if (type === 'tcp') return { TCP: address, ...times };
    if (type === 'grpc') return { GRPC: address, GRPCUseTLS: instance.scheme === 'grpcs', ...times };
    return { HTTP: `${instance.scheme === 'https' ? 'https' : 'http'}://${address}${path}`, ...times };
  }
}

/** A registration, and the agent that it is at. */
interface Held {
  readonly id: string;
  readonly agent: Agent;
  readonly entry: AgentEntry;
  /** How often the very same was registered again. */
  readonly repeats: number;
  /** Whether its registration has succeeded. */
  isTaken: boolean;
  readonly isUp: boolean;
  /** Agents that may have an entry of it still. */
  readonly former: Set<Agent>;
  /** What it was registered with. */
  token: string | undefined;
  isLost: boolean;
  /** Under way, or settled: the entry is written again, with another token. */
  rewriting?: Promise<void>;
}

interface RemoveOptions extends CallOptions {
  readonly doing: string;
  /** The node whose entry stays. */
  readonly keepNode?: string;
}

/** https://developer.hashicorp.com/consul/api-docs/agent/service#register-service */
interface AgentEntry {
  readonly ID: string;
  readonly Name: string;
  readonly Meta: Readonly<Record<string, string>>;
  readonly Tags: readonly string[];
  readonly Address: string;
  readonly Port: number;
  readonly Weights: object;
  readonly EnableTagOverride: boolean;
  readonly Check: { readonly Notes: string } & Readonly<Record<string, unknown>>;
}

const REGISTER = '/agent/service/register';
const REPLACE_CHECKS = { 'replace-existing-checks': 'true' } as const;
const DEREGISTER = '/agent/service/deregister/{id}';

/**
 * An agent compares a registration with the one that it has, and tells the servers only what differs, entry and check
 * each for itself. To bring back what somebody took out of the catalog, both must differ; white space after JSON does.
 */
function repeated(entry: AgentEntry, repeats: number): object {
  if (repeats === 0) return entry;
  const Notes = entry.Check.Notes + ' '.repeat(repeats % 2);
  return {
    ...entry,
    Meta: { ...entry.Meta, 'rollcall-repeats': String(repeats) },
    Check: { ...entry.Check, Notes },
  };
}

/** https://developer.hashicorp.com/consul/docs/services/configuration/services-configuration-reference#meta */
function takenByConsul(meta: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(meta).filter(
    ([key, value]) =>
      /^(?!consul-)[\w-]{1,128}$/u.test(key) && key !== '__proto__' && Buffer.byteLength(value) <= 512,
  );
  // One less than it takes, for `rollcall-repeats`.
  return Object.fromEntries(pairs.slice(0, 63));
}

function lost(doing: string, why: string): RegistryError {
  return new RegistryError('LEASE_LOST', `${doing}: ${why}: register again`);
}
