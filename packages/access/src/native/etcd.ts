import { encodeSegment } from '@rollcall/core';
import type { PolicyDocument } from '../policy/schema.ts';
import { type CanHold, type Grant, grantsOf } from './grants.ts';
import type { NativePolicy, NativeStep, RenderOptions } from './native-policy.ts';

/**
 * etcd's roles and users (https://etcd.io/docs/v3.6/op-guide/authentication/rbac/): permissions on ranges of keys, which are
 * `{prefix}/{namespace}/{service}/{id}`, each part percent-encoded.
 */
export function renderEtcd(document: PolicyDocument, options: RenderOptions): NativePolicy {
  const { prefix = '/rollcall' } = options;
  // Of several namespaces, a service stands in the midst of the key.
  const canHold: CanHold = (namespace, service) =>
    !namespace.isPrefix || (service.isPrefix && service.text === '');
  const { accounts, warnings } = grantsOf(document, options, canHold);
  const steps = accounts.flatMap(({ subject, grants }): NativeStep[] => {
    const role = `rollcall.${subject}`;
    const permissions = grants.map((grant): NativeStep => {
      const access = grant.read && grant.write ? 'readwrite' : grant.write ? 'write' : 'read';
      return etcdctl(['role', 'grant-permission', '--prefix=true', role, access, rangeOf(grant, prefix)]);
    });
    return [
      etcdctl(['role', 'add', role]),
      ...permissions,
      { ...etcdctl(['user', 'add', subject]), asksPasswordOf: subject },
      etcdctl(['user', 'grant-role', subject, role]),
    ];
  });
  return { registry: 'etcd', steps, warnings: [...warnings, OWNERS] };
}

export const OWNERS =
  'the registry knows no owners: who may register instances of a service may change all of them';

function etcdctl(args: readonly string[]): Extract<NativeStep, { kind: 'command' }> {
  return { kind: 'command', command: ['etcdctl', ...args] };
}

function rangeOf({ namespace, service }: Grant, prefix: string): string {
  if (namespace.isPrefix) return `${prefix}/${beginning(namespace.text)}`;
  const place = `${prefix}/${encodeSegment(namespace.text)}/`;
  return service.isPrefix ? `${place}${beginning(service.text)}` : `${place}${encodeSegment(service.text)}/`;
}

function beginning(text: string): string {
  return text === '' ? '' : encodeSegment(text);
}
