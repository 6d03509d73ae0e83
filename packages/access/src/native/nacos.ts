import { createHash } from 'node:crypto';
import { DEFAULT_NAMESPACE, encodeSegment } from '@rollcall/core';
import type { PolicyDocument } from '../policy/schema.ts';
import { OWNERS } from './etcd.ts';
import { type Grant, grantsOf } from './grants.ts';
import type { NativePolicy, NativeStep, RenderOptions } from './native-policy.ts';

const PATHS = {
  nacos: { user: 'v3/auth/user', role: 'v3/auth/role', permission: 'v3/auth/permission' },
  nacos2: { user: 'v1/auth/users', role: 'v1/auth/roles', permission: 'v1/auth/permissions' },
} as const;

/**
 * Nacos' users, roles and permissions (https://nacos.io/docs/latest/manual/admin/auth/), on resources `{namespace id}:{group}:naming/{service}`.
 */
export function renderNacos(
  document: PolicyDocument,
  options: RenderOptions,
  registry: 'nacos' | 'nacos2',
): NativePolicy {
  const { group = 'DEFAULT_GROUP' } = options;
  const { accounts, warnings } = grantsOf(
    document,
    options,
    // The id of a namespace may be a hash of its name.
    (namespace) => !namespace.isPrefix || namespace.text === '',
  );
  const paths = PATHS[registry];
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    ({ kind: 'request', method: 'POST', path: `/nacos/${path}`, form }) as const;
  const steps = accounts.flatMap(({ subject, grants }): NativeStep[] => {
    const role = `rollcall.${subject}`;
    return [
      { ...post(paths.user, { username: subject }), passwordOf: subject },
      post(paths.role, { role, username: subject }),
      ...grants.map((grant) =>
        post(paths.permission, {
          role,
          resource: resourceOf(grant, group),
          action: `${grant.read ? 'r' : ''}${grant.write ? 'w' : ''}`,
        }),
      ),
    ];
  });
  return { registry, steps, warnings: [...warnings, OWNERS] };
}

/** Nacos takes it for a regular expression in which `*` means `.*`. */
function resourceOf({ namespace, service }: Grant, group: string): string {
  const id = namespace.isPrefix ? '*' : literal(namespaceIdOf(namespace.text));
  const begin = service.text === '' ? '' : literal(encodeSegment(service.text));
  return `${id}:${literal(group)}:naming/${begin}${service.isPrefix ? '*' : ''}`;
}

function literal(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** As the adapter writes namespaces where its option `namespaceIds` says nothing. */
export function namespaceIdOf(name: string): string {
  if (name === DEFAULT_NAMESPACE) return 'public';
  const isTaken = name === 'public' || /^rollcall-[\w-]{43}$/u.test(name);
  if (/^[\w-]{1,64}$/u.test(name) && !isTaken) return name;
  return `rollcall-${createHash('sha256').update(name).digest('base64url')}`;
}
