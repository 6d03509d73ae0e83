import { DEFAULT_NAMESPACE } from '@rollcall/core';
import type { PolicyDocument } from '../policy/schema.ts';
import { OWNERS } from './etcd.ts';
import { type CanHold, type Grant, grantsOf, type Span } from './grants.ts';
import type { NativePolicy, NativeStep, RenderOptions } from './native-policy.ts';

/**
 * Consul's ACL policies, roles and tokens (https://developer.hashicorp.com/consul/docs/security/acl), on the names of services: `{service}` in
 * the namespace `default`, `{namespace}~~{service}` in others.
 */
export function renderConsul(document: PolicyDocument, options: RenderOptions): NativePolicy {
  const canHold: CanHold = (namespace, service) => {
    if (namespace.isPrefix) return namespace.text === '' && service.isPrefix && service.text === '';
    // `default` has no name of its own in front: whatever begins like its services may be of another namespace.
    return !service.isPrefix || namespace.text !== DEFAULT_NAMESPACE;
  };
  const { accounts, warnings } = grantsOf(document, options, canHold);
  const steps = accounts.flatMap(({ subject, grants }): NativeStep[] => {
    const name = `rollcall-${nameInConsul(subject)}`;
    const nodes = grants.some(({ read }) => read) ? ['node_prefix "" { policy = "read" }'] : [];
    const rules = [...grants.map((grant) => ruleOf(grant, grants)), ...nodes].join('\n');
    const Description = `Rollcall: ${subject}`;
    return [
      put('acl/policy', { Name: name, Description, Rules: rules }),
      put('acl/role', { Name: name, Description, Policies: [{ Name: name }] }),
      put('acl/token', { Description, Roles: [{ Name: name }] }),
    ];
  });
  const writers = accounts.some(({ grants }) => grants.some(({ read, write }) => write && !read));
  const also = writers ? ['Consul lets read what one may write'] : [];
  return { registry: 'consul', steps, warnings: [...warnings, OWNERS, ...also] };
}

function put(path: string, json: Readonly<Record<string, unknown>>): NativeStep {
  return { kind: 'request', method: 'PUT', path: `/v1/${path}`, json };
}

/** Of several rules Consul goes by the narrowest: what a wider one permits must stand in it too. */
function ruleOf({ namespace, service }: Grant, all: readonly Grant[]): string {
  const covers = (wide: Span, narrow: Span) =>
    wide.isPrefix ? narrow.text.startsWith(wide.text) : !narrow.isPrefix && narrow.text === wide.text;
  const write = all.some(
    (other) => other.write && covers(other.namespace, namespace) && covers(other.service, service),
  );
  const policy = `{ policy = "${write ? 'write' : 'read'}" }`;
  if (namespace.isPrefix) return `service_prefix "" ${policy}`;
  const place = namespace.text === DEFAULT_NAMESPACE ? '' : `${encodeName(namespace.text)}~~`;
  const name = `${place}${service.isPrefix ? beginning(service.text) : encodeName(service.text)}`;
  return `${service.isPrefix ? 'service_prefix' : 'service'} "${name}" ${policy}`;
}

/** As the adapter writes names: each byte but the plain ones as `~` and two hexadecimal digits. */
export function encodeName(name: string): string {
  let encoded = '';
  for (const byte of Buffer.from(name)) {
    const letter = String.fromCharCode(byte);
    const isPlain = /[a-z0-9._:-]/u.test(letter) && !(letter === '.' && encoded === '');
    encoded += isPlain ? letter : `~${byte.toString(16).padStart(2, '0')}`;
  }
  return encoded === 'consul' ? '~63onsul' : encoded;
}

/** What all names begin with that begin like this: `consul` alone is special. */
function beginning(text: string): string {
  return encodeName(`${text}-`).slice(0, -1);
}

/** What a policy and a role may be called: at most 128 letters, digits, `-` and `_`. */
function nameInConsul(subject: string): string {
  return Array.from(Buffer.from(subject), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[a-zA-Z0-9-]/u.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}
