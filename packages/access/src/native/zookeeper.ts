import { createHash } from 'node:crypto';
import { encodeSegment, RegistryError } from '@rollcall/core';
import type { PolicyDocument } from '../policy/schema.ts';
import { type AccountGrants, type Grant, grantsOf } from './grants.ts';
import type { NativePolicy, NativeStep, RenderOptions } from './native-policy.ts';

/**
 * ZooKeeper's access lists (https://zookeeper.apache.org/doc/current/zookeeperProgrammers.html#sc_ZooKeeperAccessControl), of the scheme
 * digest, on the nodes `{prefix}/{namespace}/{service}`. A list is for its node alone, so each service has one.
 */
export function renderZooKeeper(document: PolicyDocument, options: RenderOptions): NativePolicy {
  const { prefix = '/rollcall', passwords = {} } = options;
  const { accounts, known, warnings } = grantsOf(
    document,
    options,
    (namespace, service) => !namespace.isPrefix && !service.isPrefix,
  );
  const ids = new Map(accounts.map(({ subject }) => [subject, digestOf(subject, passwords)]));
  const lists = new Map<string, string[]>();
  // Whoever applies it keeps all rights.
  const node = (path: string) => {
    const list = lists.get(path) ?? ['auth::cdrwa'];
    lists.set(path, list);
    return list;
  };
  const parts = prefix.split('/').slice(1);
  for (const i of parts.keys()) node(`/${parts.slice(0, i + 1).join('/')}`);
  const placeOf = (namespace: string, service: string) =>
    `${prefix}/${encodeSegment(namespace)}/${encodeSegment(service)}`;
  // Those too that no account may use: who registers there first would say who may look.
  for (const [namespace, services] of known) {
    node(`${prefix}/${encodeSegment(namespace)}`);
    for (const service of services) node(placeOf(namespace, service));
  }
  for (const { subject, grants } of accounts) {
    for (const grant of grants)
      node(placeOf(grant.namespace.text, grant.service.text)).push(`${ids.get(subject)}:${rightsOf(grant)}`);
  }
  const paths = [...lists].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const steps = [
    ...paths.map(([path]) => zkCli(['create', path])),
    ...paths.toReversed().map(([path, list]) => zkCli(['setAcl', path, list.join(',')])),
  ];
  return { registry: 'zookeeper', steps, warnings: [...warnings, ...sayings(accounts)] };
}

function rightsOf({ read, write }: Grant): string {
  return `${write ? 'cd' : ''}${read ? 'r' : ''}`;
}

function sayings(accounts: readonly AccountGrants[]): readonly string[] {
  if (accounts.length === 0) return [];
  return [
    'an entry belongs to the account that wrote it, and others read it only where that account has the option worldReadable: then anybody who knows its id',
    'a new service needs its node and its list first: name it as known, and apply this again',
  ];
}

/** A line of `zkCli.sh`, which is one session: `addauth` before it says who applies it. */
function zkCli(command: readonly string[]): NativeStep {
  return { kind: 'command', command };
}

/** `digest:{user}:{base64 of SHA-1 of user:password}`, as ZooKeeper has it. SHA-1 is its choice, not ours: passwords must be long and random. */
function digestOf(subject: string, passwords: Readonly<Record<string, string>>): string {
  const refuse = (what: string) => new RegistryError('INVALID_ARGUMENT', what, { field: 'passwords' });
  if (/[:,]/.test(subject))
    throw refuse(`ZooKeeper takes no account ${subject}: it holds a colon or a comma`);
  const password = Object.hasOwn(passwords, subject) ? passwords[subject] : undefined;
  if (password === undefined || password === '')
    throw refuse(`the password of ${subject} is needed: ZooKeeper’s lists hold its digest`);
  const digest = createHash('sha1').update(`${subject}:${password}`).digest('base64');
  return `digest:${subject}:${digest}`;
}
