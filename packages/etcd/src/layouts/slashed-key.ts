import { RegistryError } from '@rollcall/core';
import type { Layout } from './layout.ts';

/**
 * Keys of the form `{root}{service}/{id}` with nothing encoded. A service name may hold slashes, as gRPC targets do,
 * so the id is what stands after the last one, and can't hold any.
 */
export function slashedKey(
  root: string,
): Pick<
  Layout,
  'namespaces' | 'anyName' | 'namespacePrefix' | 'servicePrefix' | 'key' | 'idOf' | 'serviceOf'
> {
  const servicePrefix: Layout['servicePrefix'] = ({ service }) => `${root}${service}/`;
  return {
    namespaces: false,
    anyName: false,
    namespacePrefix: () => root,
    servicePrefix,
    key(instance) {
      if (instance.id.includes('/')) {
        throw new RegistryError(
          'INVALID_ARGUMENT',
          'id holds a slash, which this etcd layout has no key for',
          { field: 'id' },
        );
      }
      return servicePrefix(instance) + instance.id;
    },
    idOf(rest) {
      if (rest === '') throw new RegistryError('PROTOCOL', 'the key ends where an id should stand');
      return rest.includes('/') ? undefined : rest;
    },
    serviceOf(rest) {
      const slash = rest.lastIndexOf('/');
      return slash > 0 && slash < rest.length - 1 ? rest.slice(0, slash) : undefined;
    },
  };
}
