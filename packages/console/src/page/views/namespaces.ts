import type { Me, Topology } from '../api/wire.ts';

/** Where to begin: where something is registered, `default` before others. `undefined` while nobody knows. */
export function firstNamespace(topology: Topology | undefined): string | undefined {
  if (!topology) return undefined;
  const { namespaces } = topology;
  const filled = namespaces.filter(({ services }) => services.length > 0);
  const candidates = filled.length > 0 ? filled : namespaces;
  return (candidates.find(({ name }) => name === 'default') ?? candidates[0])?.name;
}

/** The namespaces that there are for this person, sorted. */
export function namespacesOf(me: Me, topology: Topology | undefined): readonly string[] {
  const names = new Set(me.namespaces.map(({ name }) => name));
  for (const { name } of topology?.namespaces ?? []) names.add(name);
  return [...names].toSorted();
}
