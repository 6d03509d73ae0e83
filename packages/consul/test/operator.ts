import type { InstanceKey } from '@rollcall/core';
import { encodeServiceId, encodeServiceName } from '../src/layouts/names.ts';

/** What an operator does with Consul, by requests of his own. */
export class Operator {
  readonly #address: string;
  readonly #token: string | undefined;

  constructor(address: string, token?: string) {
    this.#address = address;
    this.#token = token;
  }

  async call(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#address}/v1/${path}`, {
      method,
      headers: {
        connection: 'close',
        ...(this.#token !== undefined && { 'X-Consul-Token': this.#token }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Writes an entry with a check of Rollcall's, and any notes. */
  async plant(entry: InstanceKey, notes: string, name = encodeServiceName(entry)): Promise<void> {
    const ID = encodeServiceId(entry);
    const Check = { CheckID: `rollcall:${ID}`, Name: 'x', TTL: '10m', Status: 'passing', Notes: notes };
    await this.call('PUT', 'agent/service/register', { ID, Name: name, Address: 'h', Port: 1, Check });
  }

  /** As somebody does who uses the agent. */
  async removeFromAgent(entry: InstanceKey): Promise<void> {
    await this.call('PUT', `agent/service/deregister/${encodeURIComponent(encodeServiceId(entry))}`);
  }

  /** As somebody does who uses the catalog, behind the agent's back. */
  async removeFromCatalog(entry: InstanceKey): Promise<void> {
    const [node] = (await this.call('GET', 'catalog/nodes')) as { Node: string }[];
    const body = { Node: node?.Node, ServiceID: encodeServiceId(entry) };
    await this.call('PUT', 'catalog/deregister', body);
  }

  /** The entries of a service, by the name that it has in Consul. */
  async entries(name: string): Promise<HealthEntry[]> {
    return (await this.call('GET', `health/service/${encodeURIComponent(name)}`)) as HealthEntry[];
  }
}

export interface HealthEntry {
  readonly Node: { readonly Node: string };
  readonly Service: Readonly<Record<string, unknown>> & { readonly ID: string };
  readonly Checks: readonly {
    readonly CheckID: string;
    readonly Status: string;
    readonly Notes?: unknown;
  }[];
}
