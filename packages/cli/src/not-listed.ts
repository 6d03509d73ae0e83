import type { ServiceInstance } from '@rollcall/core';
import { say } from './output.ts';

/** So many ids are named. */
const NAMED = 10;

/** Says that a service has no instance of this id, and which it has. */
export function sayNotListed(service: string, id: string, instances: readonly ServiceInstance[]): void {
  const ids = instances.map((one) => one.id);
  const more = ids.length > NAMED ? `, … and ${ids.length - NAMED} more` : '';
  const those =
    ids.length === 0 ? 'it has no instance' : `listed are ${ids.slice(0, NAMED).join(', ')}${more}`;
  say(`${service} has no instance ${id}: ${those}`);
}
