import { RegistryError } from '@rollcall/core';
import type { Layout } from './layout.ts';

/** Paths as `{chroot}/{service}/{id}`, with names as they are. */
export function plainPath(
  chroot: string,
): Pick<Layout, 'namespaces' | 'anyName' | 'namespacePath' | 'servicePath' | 'path' | 'idOf' | 'serviceOf'> {
  const servicePath: Layout['servicePath'] = ({ service }) => `${chroot}/${nodeName('service', service)}`;
  return {
    namespaces: false,
    anyName: false,
    namespacePath: () => chroot,
    servicePath,
    path: (instance) => `${servicePath(instance)}/${nodeName('id', instance.id)}`,
    idOf: (name) => name,
    serviceOf: (name) => name,
  };
}

/**
 * What ZooKeeper takes as the name of a node
 * (https://zookeeper.apache.org/doc/r3.9.3/zookeeperProgrammers.html#ch_zkDataModel).
 */
function nodeName(field: string, name: string): string {
  if (name !== '.' && name !== '..' && !REFUSED.test(name)) return name;
  const message = `${field} is . or .., or holds a slash or a character that ZooKeeper does not take: use another name, or the layout rollcall`;
  throw new RegistryError('INVALID_ARGUMENT', message, { field });
}

// oxlint-disable-next-line no-control-regex -- these are among what it refuses
const REFUSED = /[/\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/u;
