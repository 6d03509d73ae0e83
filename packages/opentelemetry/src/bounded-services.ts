import type { Attributes } from '@opentelemetry/api';
import { RegistryError } from '@rollcall/core';
import { ATTRIBUTES } from './conventions.ts';

/** So many services have a name of their own in metrics, where nothing else is said. */
export const MAX_SERVICES = 200;

/** The name of all services beyond those. */
const REST = 'other';

/** Which service a metric is of. Without a namespace, that isn't told. */
export interface LabelledService {
  readonly service: string;
  readonly namespace?: string;
}

/**
 * Gives the labels of a service. The first `maxServices` keep their names for good; all others are `other`, so that metrics stay
 * few, whatever names come.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for a `maxServices` that isn't a whole number from 0.
 */
export function boundedServices(maxServices: number = MAX_SERVICES): (key: LabelledService) => Attributes {
  if (!(Number.isInteger(maxServices) && maxServices >= 0)) {
    const problem = `maxServices must be a whole number from 0, but it is ${String(maxServices)}`;
    throw new RegistryError('INVALID_ARGUMENT', problem, { field: 'maxServices' });
  }
  const known = new Map<string, Attributes>();
  return ({ service, namespace }) => {
    // No name holds a control character.
    const name = `${namespace ?? ''}\n${service}`;
    const labels = known.get(name);
    if (labels) return labels;
    if (known.size >= maxServices) return labelsOf(REST, namespace === undefined ? undefined : REST);
    const own = labelsOf(service, namespace);
    known.set(name, own);
    return own;
  };
}

function labelsOf(service: string, namespace: string | undefined): Attributes {
  return Object.freeze({
    [ATTRIBUTES.service]: service,
    ...(namespace !== undefined && { [ATTRIBUTES.namespace]: namespace }),
  });
}
