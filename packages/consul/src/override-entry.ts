import {
  type InstanceKey,
  type InstanceOverride,
  notListed,
  overridden,
  RegistryError,
} from '@rollcall/core';
import type { Agent } from './agent.ts';
import { type Agents, type Call, isOutage } from './agents.ts';
import type { Layout } from './layouts/layout.ts';
import { encodeServiceId } from './layouts/names.ts';
import { OVERRIDE_CHECK, readOverride, writeOverride } from './override-check.ts';
import { type Entry, entryOf, parseList, ServiceView } from './service-view.ts';

/** The most that the check lasts without a word: it says nothing about anybody's life. */
const FOREVER = '87600h';

/**
 * Puts an operator's change over an entry: as a check of its own, at the agent that keeps the entry. That one alone can; what is
 * written to the catalog past it, it takes for a mistake and puts right within a minute or two.
 *
 * @param text the answer of `/health/service` that lists the entry.
 */
export async function overrideEntry(
  agents: Agents,
  { key, layout, text }: { readonly key: InstanceKey; readonly layout: Layout; readonly text: string },
  change: InstanceOverride,
  { doing, signal }: Pick<Call, 'doing' | 'signal'>,
): Promise<void> {
  const instance = new ServiceView(key, layout).read(text).instances.find(({ id }) => id === key.id);
  const entry = standingEntry(text, key);
  if (!instance || !entry) throw notListed(key);
  const { ID } = entry.service;
  const { status, weight } = overridden(instance, change);
  const before = readOverride(checkOf(entry, OVERRIDE_CHECK)?.Notes);
  const notes = writeOverride({
    ...before,
    ...('status' in change && { status }),
    ...('weight' in change && { weight }),
  });
  const isUp = (change.status ?? before.status ?? 'UP') === 'UP';
  // Who reads passing entries only leaves it out, too.
  const Status = isUp ? 'passing' : 'critical';
  const CheckID = OVERRIDE_CHECK + ID;
  const check = { ID: CheckID, Name: 'Rollcall override', ServiceID: ID, Notes: notes, TTL: FOREVER, Status };
  for (const agent of await holders(agents, entry, key, { doing, signal })) {
    const put = (path: string, more: Pick<Call, 'params' | 'query' | 'body'>) =>
      agents.on(agent, { method: 'PUT', path, doing, signal, ...more });
    try {
      await put('/agent/check/register', { body: check });
    } catch (error) {
      // It left in this moment.
      if (error instanceof RegistryError && error.message.includes('does not exist'))
        throw notListed(key, error);
      throw error;
    }
    // An agent with a folder of its own remembers the status that a check of this ID had before.
    await put('/agent/check/update/{check}', { params: { check: CheckID }, body: { Status } });
    if (change.status === 'UP' && checkOf(entry, MAINTENANCE))
      await put('/agent/service/maintenance/{id}', { params: { id: ID }, query: { enable: 'false' } });
  }
}

const MAINTENANCE = '_service_maintenance:';

function checkOf({ checks, service }: Entry, prefix: string) {
  return checks.find(({ CheckID }) => CheckID === prefix + service.ID);
}

/** The youngest, as readers have it. Entries that others wrote are known by their own ID. */
function standingEntry(text: string, key: InstanceKey): Entry | undefined {
  const ids = new Set([encodeServiceId(key), key.id]);
  return parseList(text)
    .flatMap((raw) => entryOf(raw) ?? [])
    .filter(({ service }) => ids.has(service.ID))
    .toSorted((a, b) => b.modified - a.modified)[0];
}

/** The agents of the options that have the entry: one, and a second for a moment while it moves. */
async function holders(
  agents: Agents,
  { node, service: { ID } }: Entry,
  key: InstanceKey,
  { doing, signal }: Pick<Call, 'doing' | 'signal'>,
): Promise<readonly Agent[]> {
  const failures: RegistryError[] = [];
  const each = agents.all.map(async (agent) => {
    const call: Call = { method: 'GET', path: '/agent/service/{id}', params: { id: ID }, doing, signal };
    try {
      const { answer } = await agents.on(agent, { ...call, mayBeMissing: true });
      return answer.status === 404 ? [] : [agent];
    } catch (error) {
      if (!isOutage(error) || signal.aborted) throw error;
      failures.push(error);
      return [];
    }
  });
  const found = (await Promise.all(each)).flat();
  if (found.length > 0) return found;
  const [failure] = failures;
  const where = `${key.service}/${key.id} is kept by the agent of the node ${node}`;
  if (failure)
    throw new RegistryError(
      'UNAVAILABLE',
      `${doing}: ${where}, and not all agents answer: ${failure.message}`,
      {
        cause: failure,
      },
    );
  const message = `${doing}: ${where}, the only one that can change it, and none of \`addresses\` is that agent: add its address, or do it there`;
  throw new RegistryError('UNSUPPORTED', message);
}
