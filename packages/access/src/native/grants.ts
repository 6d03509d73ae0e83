import { NamespacePolicy, DEFAULT_NAMESPACE } from '@rollcall/core';
import { CompiledPolicy } from '../policy/compiled-policy.ts';
import { compilePattern, piecesOf } from '../policy/name-pattern.ts';
import type { Permission, PolicyDocument } from '../policy/schema.ts';
import type { NativeAccount, RenderOptions } from './native-policy.ts';

/** Names: one, or all that begin so. */
export interface Span {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** What an account may do with some services. */
export interface Grant {
  readonly namespace: Span;
  readonly service: Span;
  readonly read: boolean;
  readonly write: boolean;
}

export interface AccountGrants {
  readonly subject: string;
  readonly grants: readonly Grant[];
}

/** Whether the registry's access lists can hold this as it is. Single names always can be held. */
export type CanHold = (namespace: Span, service: Span) => boolean;

/** The names that there are, as far as the policy or the caller names them: each namespace with its services. */
export type Known = ReadonlyMap<string, ReadonlySet<string>>;

export interface Granted {
  readonly accounts: readonly AccountGrants[];
  readonly known: Known;
  readonly warnings: readonly string[];
}

/** What each account may do, in terms that a registry can hold. What it can't is left out, and told. */
export function grantsOf(document: PolicyDocument, options: RenderOptions, canHold: CanHold): Granted {
  const warnings = new Set<string>();
  const compiled = new CompiledPolicy(document);
  const known = knownNames(document, compiled, options);
  const accounts = [...accountsOf(document, options)].map(([subject, forms]) => {
    const grants = new Map<string, Grant>();
    for (const form of forms) {
      const maker = new GrantMaker(document, form.home, { known, canHold, warnings, grants });
      for (const role of compiled.rolesOf(subject, form.roles ?? []))
        for (const permission of document.roles[role] ?? []) maker.add(permission, role);
    }
    return { subject, grants: [...grants.values()] };
  });
  return { accounts, known, warnings: [...warnings] };
}

/** By subject. One that has a home by one key, and another by another, is let in with either. */
function accountsOf(
  document: PolicyDocument,
  options: RenderOptions,
): ReadonlyMap<string, readonly NativeAccount[]> {
  const { subjects, keys } = document;
  const byKeys = keys.map(({ subject, roles, namespace, service }): NativeAccount => {
    const home =
      namespace === undefined ? undefined : { namespace, ...(service !== undefined && { service }) };
    return { subject, roles, ...(home && { home }) };
  });
  const all = new Map<string, NativeAccount[]>();
  for (const account of [...byKeys, ...(options.accounts ?? [])])
    all.set(account.subject, [...(all.get(account.subject) ?? []), account]);
  for (const { subject } of subjects)
    if (!subject.includes('*') && !all.has(subject)) all.set(subject, [{ subject }]);
  return all;
}

function knownNames(document: PolicyDocument, compiled: CompiledPolicy, options: RenderOptions): Known {
  const known = new Map<string, Set<string>>();
  const add = (namespace: string, service?: string) => {
    const services = known.get(namespace) ?? new Set();
    known.set(namespace, services);
    if (service !== undefined) services.add(service);
  };
  add(DEFAULT_NAMESPACE);
  for (const namespace of compiled.namespaces()) add(namespace);
  for (const { home } of [...accountsOf(document, options).values()].flat())
    if (home) add(home.namespace, home.service);
  for (const name of [...(options.known ?? []), ...document.allow.flatMap(({ from, to }) => [from, to])]) {
    const [namespace = '', service = '*'] = name
      .split('/')
      .map((part) => (part === '*' ? part : decodeURIComponent(part)));
    if (namespace !== '*') add(namespace, service === '*' ? undefined : service);
  }
  for (const { namespaces, services } of Object.values(document.roles).flat()) {
    const isName = (pattern: string) => !/[*{]/.test(pattern);
    for (const namespace of namespaces.filter(isName))
      for (const service of services.filter(isName)) add(namespace, service);
  }
  return known;
}

interface Making {
  readonly known: Known;
  readonly canHold: CanHold;
  readonly warnings: Set<string>;
  readonly grants: Map<string, Grant>;
}

interface Access {
  readonly read: boolean;
  readonly write: boolean;
  /** Whose it is, for warnings. */
  readonly role: string;
}

/** Makes grants of permissions, for one home. */
class GrantMaker {
  readonly #home: NativeAccount['home'];
  readonly #making: Making;
  readonly #crossings: NamespacePolicy;

  constructor({ namespaces, allow }: PolicyDocument, home: NativeAccount['home'], making: Making) {
    this.#home = home;
    this.#making = making;
    this.#crossings = new NamespacePolicy({ namespaces, allow });
  }

  add({ verbs, namespaces, services }: Permission, role: string): void {
    const can = (...some: readonly string[]) => verbs.some((verb) => verb === '*' || some.includes(verb));
    const access = { read: can('list', 'watch'), write: can('register', 'deregister', 'override'), role };
    if (!access.read && !access.write) return;
    for (const namespace of namespaces)
      for (const service of services) this.#addPair(namespace, service, access);
  }

  #addPair(namespacePattern: string, servicePattern: string, access: Access): void {
    const { known, canHold } = this.#making;
    const [namespace, service] = [spanOf(namespacePattern, this.#home), spanOf(servicePattern, this.#home)];
    if (namespace === 'none' || service === 'none') return;
    if (namespace && !namespace.isPrefix) {
      this.#addIn(namespace, servicePattern, service, access);
      return;
    }
    // Somebody with a home is bound by what each namespace lets in.
    if (namespace && service && this.#home === undefined && canHold(namespace, service)) {
      this.#put(namespace, service, access);
      return;
    }
    const names = fitting(namespacePattern, this.#home, known.keys());
    for (const name of names) this.#addIn(exactly(name), servicePattern, service, access);
    this.#warnKnown(access.role, `the namespaces ${namespacePattern}`, names);
  }

  #addIn(namespace: Span, pattern: string, service: Span | undefined, access: Access): void {
    const { known, canHold } = this.#making;
    const mayCrossToAll = this.#crosses(namespace.text);
    if (service && mayCrossToAll && (!service.isPrefix || canHold(namespace, service))) {
      this.#put(namespace, service, access);
      return;
    }
    const candidates = new Set(known.get(namespace.text));
    if (service && !service.isPrefix) candidates.add(service.text);
    const names = fitting(pattern, this.#home, candidates).filter((name) =>
      this.#crosses(namespace.text, name),
    );
    for (const name of names) this.#put(namespace, exactly(name), access);
    if (mayCrossToAll) this.#warnKnown(access.role, `the services ${pattern} of ${namespace.text}`, names);
  }

  /** Whether the account may cross: to a service, or without one, to all of a namespace. */
  #crosses(namespace: string, service = '*'): boolean {
    const home = this.#home;
    if (!home || home.namespace === namespace) return true;
    const crossing = this.#crossings.decide(home, { namespace, service });
    if (!crossing.allowed) return false;
    if (!crossing.only) return true;
    this.#making.warnings.add(
      `${crossing.why} is for instances with some metadata, which the registry doesn't look at: it is left out`,
    );
    return false;
  }

  #warnKnown(role: string, what: string, names: readonly string[]): void {
    this.#making.warnings.add(
      `role ${role}: ${what} stand for those that are known: ${names.length === 0 ? 'none' : names.join(', ')}`,
    );
  }

  #put(namespace: Span, service: Span, { read, write }: Access): void {
    const key = JSON.stringify([namespace, service]);
    const before = this.#making.grants.get(key);
    const grant = {
      namespace,
      service,
      read: read || (before?.read ?? false),
      write: write || (before?.write ?? false),
    };
    this.#making.grants.set(key, grant);
  }
}

function fitting(pattern: string, home: NativeAccount['home'], names: Iterable<string>): readonly string[] {
  const test = compilePattern(pattern, home) ?? (() => false);
  return [...names].filter((name) => test(name));
}

function exactly(text: string): Span {
  return { text, isPrefix: false };
}

/** `none` for a pattern that means no name, `undefined` for one that is neither a name nor a beginning. */
function spanOf(pattern: string, home: NativeAccount['home']): Span | 'none' | undefined {
  const pieces = piecesOf(pattern, home);
  if (!pieces) return 'none';
  const [text = '', ...rest] = pieces;
  if (rest.length === 0) return exactly(text);
  return rest.every((piece) => piece === '') ? { text, isPrefix: true } : undefined;
}
