import assert from 'node:assert/strict';
import type { AdapterCapabilities, ServiceInstance } from '@rollcall/core';

/** Fails unless both lists say the same, in any order, in the fields that the registry carries. */
export function assertSameInstances(
  actual: Iterable<ServiceInstance>,
  expected: Iterable<ServiceInstance>,
  capabilities: AdapterCapabilities,
  message?: string,
): void {
  const [left, right] = [actual, expected].map((list) =>
    Array.from(list, (instance) => comparable(instance, capabilities)).toSorted(byId),
  );
  if (message === undefined) assert.deepEqual(left, right);
  else
    assert.deepEqual(left, right, `${message}: ${JSON.stringify(left)} instead of ${JSON.stringify(right)}`);
}

/** The rest of it is only compared. */
interface Comparable {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The instance as plain data; metadata as pairs, so that a key named `__proto__` is compared like any other. */
function comparable(instance: ServiceInstance, { fields }: AdapterCapabilities): Comparable {
  const { namespace, service, id, host, port } = instance;
  const carried = fields.map((field) =>
    field === 'metadata'
      ? [field, Object.entries(instance.metadata ?? {}).toSorted(byKey)]
      : [field, instance[field]],
  );
  return { id, namespace, service, host, port, ...Object.fromEntries(carried) };
}

function byId(a: Comparable, b: Comparable): number {
  return compare(a.id, b.id);
}

function byKey([a]: [string, string], [b]: [string, string]): number {
  return compare(a, b);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
