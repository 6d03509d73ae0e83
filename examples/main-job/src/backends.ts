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
  /** `registry.options` of the configuration. */
  readonly options: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** What each type calls the addresses in its options. */
const OPTIONS: { readonly [Type in RegistryType]: (running: RunningRegistry) => Backend['options'] } = {
  etcd: ({ endpoints }) => ({ endpoints }),
  zookeeper: ({ endpoints }) => ({ hosts: endpoints }),
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
    return { where: `the folder ${dir}`, options: { dir }, stop: () => Promise.resolve() };
  }
  const running = await startRegistry(name, { progress });
  return {
    where: `${running.endpoints.join(', ')}, server: ${running.source}`,
    options: OPTIONS[name](running),
    stop: () => running.stop(),
  };
}
