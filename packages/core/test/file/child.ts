/** A process of its own for the tests: `child.ts <dir> <task> <task's arguments, as JSON>`. It tells by messages. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileAdapter } from '../../src/file/index.ts';
import { defineInstance, RegistryError } from '../../src/index.ts';

export interface ChildOptions {
  service?: string;
  id?: string;
  ttlMs?: number;
  count?: number;
  rounds?: number;
  uid?: number;
}

const [dir = '', task = '', json = '{}'] = process.argv.slice(2);
const { service = 'user-service', id = 'child', ttlMs = 1_000, count = 1, rounds = 1, uid = 0 } = parse(json);
const adapter = fileAdapter({ dir });
const signal = new AbortController().signal;
const instance = (name: string, more = {}) =>
  defineInstance({ service, id: name, host: '127.0.0.1', port: 4000, ...more });
const codeOf = (error: unknown) => (error instanceof RegistryError ? error.code : String(error));
const tell = (message: string) => process.send?.(message);

/** Stays registered, as the core would keep it. */
async function hold(): Promise<void> {
  await adapter.open(signal);
  for (;;) {
    const lease = await adapter.register(instance(id), { ttlMs, signal });
    tell('registered');
    try {
      for (;;) {
        await pause(ttlMs / 3);
        await lease.renew?.({ signal });
      }
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'LEASE_LOST') throw error;
      tell('LEASE_LOST');
    }
  }
}

/** Writes many instances, again and again, of a size that no single write call is sure to take whole. */
async function write(): Promise<void> {
  await adapter.open(signal);
  for (let round = 0; round < rounds; round++) {
    const metadata = { round: String(round), filling: String(round % 10).repeat(8_000) };
    const all = Array.from({ length: count }, (_, i) => instance(`${id}-${i}`, { metadata }));
    await Promise.all(all.map((one) => adapter.register(one, { ttlMs: 60_000, signal })));
  }
  tell('written');
}

/** Looks as another user. */
async function lookAs(): Promise<void> {
  process.seteuid?.(uid);
  const key = { namespace: 'default', service };
  tell(`discover ${await adapter.discover(key, { signal }).then((list) => list.instances.length, codeOf)}`);
  tell(`register ${await adapter.register(instance(id), { ttlMs, signal }).then(() => 'done', codeOf)}`);
  tell(`open ${await adapter.open(signal).then(() => 'done', codeOf)}`);
}

const tasks: Record<string, () => Promise<void>> = { hold, write, lookAs };
await tasks[task]?.();

function parse(text: string): ChildOptions {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `startChild` from that type
  return JSON.parse(text) as ChildOptions;
}
