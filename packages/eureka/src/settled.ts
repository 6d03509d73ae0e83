import type { Entry } from './answer.ts';
import { type EurekaCall, type EurekaServers, type From, LOOKED_UP_AT_ONCE } from './eureka-servers.ts';
import { lastOfEach } from './mirror.ts';
import type { PastCaches } from './past-caches.ts';

export interface Looked {
  readonly servers: EurekaServers;
  readonly pastCaches: PastCaches;
}

export interface ListAndChanges {
  readonly app: string;
  readonly list: From<readonly Entry[]>;
  /** Of all apps. */
  readonly changes: From<readonly Entry[]> | undefined;
}

/**
 * What an app's list and the changes say together. A server makes each at its own moment, and what it made just while something
 * changed it keeps without that until the next change, for three minutes at most. So either may be the older. The times of the
 * entries tell which, but not of one that isn't listed and was changed: the list may have missed that it came, or the
 * changes that it left. Each of these is looked up, past the cache; were there many, the rest is believed.
 *
 * @returns the list, and the changes that are to be taken after it.
 */
export async function settled(
  call: EurekaCall,
  { servers, pastCaches }: Looked,
  { app, list, changes }: ListAndChanges,
): Promise<[list: From<readonly Entry[]>, changes: readonly Entry[]]> {
  const { server } = list;
  if (changes?.server !== server) return [list, []];
  const listed = new Set(list.value.map(({ instanceId }) => instanceId));
  const last = lastOfEach(changes.value.filter((entry) => entry.app === app));
  const [known, doubtful] = [[] as Entry[], [] as Entry[]];
  for (const entry of last.values())
    (entry.isRemoved || listed.has(entry.instanceId) ? known : doubtful).push(entry);
  const found = await servers.entriesNow(call, { server, value: doubtful.slice(0, LOOKED_UP_AT_ONCE) });
  pastCaches.add(server, found);
  const believed = doubtful.slice(LOOKED_UP_AT_ONCE);
  const there = found.filter(({ isRemoved }) => !isRemoved);
  const left = found.filter(({ isRemoved }) => isRemoved);
  return [{ server, value: [...list.value, ...there, ...believed] }, [...known, ...left]];
}
