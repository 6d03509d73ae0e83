import { join } from 'node:path';

import {
  registryTypes,
  startRegistry,
  type RegistryType,
  type RunningRegistry,
} from '@rollcall-tools/registries';

export type RegistryName = 'file' | RegistryType;

export const registryNames: readonly RegistryName[] = ['file', ...registryTypes];

/** A registry that runs, and how the programs reach it. */
export interface Backend {
  /** Where it is, for people. */
  readonly where: string;
  /** `registry.type` of the configuration. */
  readonly type: string;
  /** `registry.options` of the configuration. */
  readonly options: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** What each type of registry is called in the configuration, and what it calls the addresses in its options. */
const CLIENTS: {
  readonly [Type in RegistryType]: readonly [type: string, addresses: string, more?: Backend['options']];
} = {
  etcd: ['etcd', 'endpoints'],
  zookeeper: ['zookeeper', 'hosts'],
  consul: ['consul', 'addresses'],
  nacos: ['nacos', 'servers'],
  nacos2: ['nacos', 'servers'],
  // Its server is set to be quick here, which it can't tell its clients.
  eureka: ['eureka', 'servers', { pollIntervalMs: 200, responseCacheMs: 500, evictionIntervalMs: 1_000 }],
  gateway: ['gateway', 'urls'],
};

export function isRegistryName(name: string): name is RegistryName {
  return (registryNames as readonly string[]).includes(name);
}

/** Starts the registry, or for `file` only says which folder, inside `folder`, it will use. */
export async function startBackend(
  name: RegistryName,
  folder: string,
  progress: (line: string) => void,
): Promise<Backend> {
  if (name === 'file') {
    const dir = join(folder, 'registry');
    return { where: `the folder ${dir}`, type: 'file', options: { dir }, stop: () => Promise.resolve() };
  }
  const running: RunningRegistry = await startRegistry(name, { progress });
  const [type, addresses, more] = CLIENTS[name];
  return {
    where: `${running.endpoints.join(', ')}, server: ${running.source}`,
    type,
    options: { [addresses]: running.endpoints, ...more },
    stop: () => running.stop(),
  };
}
