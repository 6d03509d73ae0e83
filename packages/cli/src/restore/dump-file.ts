import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { checkName, instanceFromJson, type ServiceInstance } from '@rollcall/core';
import { UsageError } from '../usage-error.ts';

/** What `dump` wrote, checked. */
export interface ReadDump {
  readonly namespace: string;
  readonly instances: readonly ServiceInstance[];
}

/**
 * Reads what `rollcall dump` wrote.
 *
 * @param file `-` is standard input.
 * @throws {UsageError} that says what is wrong, and where.
 */
export async function readDump(file: string): Promise<ReadDump> {
  let content: string;
  try {
    content = file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`can't read ${file}: ${messageOf(error)}`, 'restore');
  }
  return parseDump(content, file === '-' ? 'standard input' : file);
}

/**
 * Checks the text of a dump. What isn't known in it is passed over.
 *
 * @param from where it is from, for messages.
 * @throws {UsageError}
 */
export function parseDump(content: string, from: string): ReadDump {
  const fail = (what: string): never => {
    throw new UsageError(`${from} is nothing that rollcall dump wrote: ${what}`, 'restore');
  };
  let raw: unknown;
  try {
    raw = JSON.parse(content);
  } catch (error) {
    return fail(messageOf(error));
  }
  if (!isObject(raw) || raw['format'] !== 'rollcall-dump') return fail('it has no "format": "rollcall-dump"');
  if (raw['version'] !== 1)
    return fail(`this rollcall reads version 1, not ${String(raw['version'])}: use a later one`);
  const { services } = raw;
  if (!Array.isArray(services)) return fail('it has no list of services');
  const where = (place: string, check: () => void): void => {
    try {
      check();
    } catch (error) {
      fail(`${place}: ${messageOf(error)}`);
    }
  };
  const namespace = String(raw['namespace']);
  where('namespace', () => checkName('namespace', raw['namespace']));
  const instances = new Map<string, ServiceInstance>();
  for (const [at, one] of (services as readonly unknown[]).entries()) {
    const listed: unknown = isObject(one) ? one['instances'] : undefined;
    const service = isObject(one) ? one['service'] : undefined;
    if (typeof service !== 'string' || !Array.isArray(listed))
      return fail(`services[${at}] has no name or no list of instances`);
    for (const [number, instance] of (listed as readonly unknown[]).entries())
      where(`services[${at}].instances[${number}]`, () => {
        const id = checkName('id', isObject(instance) ? instance['id'] : undefined);
        const read = instanceFromJson(instance, { namespace, service, id });
        instances.set(`${service}\n${id}`, read);
      });
  }
  return { namespace, instances: [...instances.values()] };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
