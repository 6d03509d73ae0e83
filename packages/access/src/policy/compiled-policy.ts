import { NamespacePolicy } from '@rollcall/core';
import type { AccessDecision, AccessRequest, Principal, Verb } from '../contract.ts';
import { VERBS } from '../contract.ts';
import { compilePattern, compilePatterns, hasPlaceholder, type NameTest, piecesOf } from './name-pattern.ts';
import type { Permission, PolicyDocument } from './schema.ts';

type Home = NonNullable<Principal['home']>;

/** One permission of one who asks, for one verb. */
interface Rule {
  readonly namespaces: NameTest;
  readonly services: NameTest;
  /** Whether it is about every service, also those that aren't there yet. */
  readonly isForAll: boolean;
  readonly allow: AccessDecision;
}

/** The rules of a role for one verb. A role may have hundreds, mostly each for a namespace of its own. */
interface VerbRules {
  readonly byNamespace: ReadonlyMap<string, readonly Rule[]>;
  /** Those whose namespaces are patterns. */
  readonly byPattern: readonly Rule[];
}

type RoleRules = Readonly<Record<Verb, VerbRules>>;

/** What somebody may do: their roles, as they are for their home. */
export interface Rights {
  readonly subject: string;
  readonly home: Home | undefined;
  readonly roles: readonly RoleRules[];
}

/**
 * A policy that is ready to decide: each role's patterns are compiled once, for each home where they depend on it, and sorted by verb and
 * namespace, so that a decision looks at few rules.
 */
export class CompiledPolicy {
  readonly document: PolicyDocument;
  readonly #crossings: NamespacePolicy;
  readonly #subjects: readonly { readonly test: NameTest; readonly roles: readonly string[] }[];
  readonly #roles = new Map<string, RoleRules>();

  constructor(document: PolicyDocument) {
    this.document = document;
    const { namespaces, allow } = document;
    this.#crossings = new NamespacePolicy({ namespaces, allow });
    this.#subjects = document.subjects.map(({ subject, roles }) => ({
      test: compilePattern(subject) ?? (() => false),
      roles,
    }));
  }

  /** Those of `given` that the policy has, and those that it gives to the subject. */
  rolesOf(subject: string, given: readonly string[]): readonly string[] {
    const roles = new Set(given.filter((role) => Object.hasOwn(this.document.roles, role)));
    for (const entry of this.#subjects) {
      if (entry.test(subject)) for (const role of entry.roles) roles.add(role);
    }
    return Object.freeze([...roles]);
  }

  /** The namespaces that the policy names, sorted. */
  namespaces(): readonly string[] {
    const { roles, keys } = this.document;
    const permitted = Object.values(roles).flatMap((permissions) =>
      permissions.flatMap((permission) => permission.namespaces.filter((name) => !/[*{]/.test(name))),
    );
    const homes = keys.flatMap(({ namespace }) => namespace ?? []);
    return Object.freeze([...new Set([...this.#crossings.namespaces, ...permitted, ...homes])].toSorted());
  }

  rightsOf(subject: string, roles: readonly string[], home: Home | undefined): Rights {
    const known = roles.filter((role) => Object.hasOwn(this.document.roles, role));
    return { subject, home, roles: known.map((role) => this.#rulesOf(role, home)) };
  }

  decide(rights: Rights, request: AccessRequest): AccessDecision {
    const { verb, namespace, service, owner } = request;
    if (verb === 'deregister' && owner === rights.subject) {
      // One's own instance: who may register may also leave.
      const own = this.#find(rights, 'register', namespace, service);
      if (own) return this.#crossed(rights, own, request);
    }
    const found = this.#find(rights, verb, namespace, service);
    if (!found) return refused(rights, request);
    if (verb === 'register' && owner !== undefined && owner !== rights.subject) {
      const over = this.#find(rights, 'override', namespace, service);
      if (!over)
        return no(`${target(request)} belongs to somebody else: changing it takes a role with override`);
      return this.#crossed(rights, over, request);
    }
    return this.#crossed(rights, found, request);
  }

  /** The first rule that permits it. */
  #find(
    rights: Rights,
    verb: Verb,
    namespace: string,
    service: string | undefined,
  ): AccessDecision | undefined {
    for (const role of rights.roles) {
      const { byNamespace, byPattern } = role[verb];
      const own = byNamespace.get(namespace);
      const found = (own && firstFor(own, verb, service)) ?? firstFor(byPattern, verb, service, namespace);
      if (found) return found.allow;
    }
    return undefined;
  }

  /** What a rule permits, as far as the namespace policy lets who is at home elsewhere come over. */
  #crossed({ home }: Rights, allow: AccessDecision, request: AccessRequest): AccessDecision {
    const { verb, namespace, service } = request;
    if (home === undefined || home.namespace === namespace) return allow;
    const isLook = verb === 'list' || verb === 'watch';
    // A look at the list of services needs a rule for any of them, all else without a service one for all.
    const to = service === undefined && isLook ? { namespace } : { namespace, service: service ?? '*' };
    const crossing = this.#crossings.decide(home, to);
    if (!crossing.allowed) return no(crossing.why.replace('access.allow', 'allow'));
    const why = `${allow.why}; ${crossing.why}`;
    if (crossing.only === undefined) return { allowed: true, why };
    if (!isLook) return no(`${crossing.why} is for looking up some instances, and lets nobody change them`);
    return service === undefined ? { allowed: true, why } : { allowed: true, why, only: crossing.only };
  }

  #rulesOf(role: string, home: Home | undefined): RoleRules {
    const permissions = this.document.roles[role] ?? [];
    const isOfHome = permissions.some((one) => [...one.namespaces, ...one.services].some(hasPlaceholder));
    const key = JSON.stringify(isOfHome ? [role, home?.namespace, home?.service] : [role]);
    const known = this.#roles.get(key);
    if (known) return known;
    const rules = compileRole(role, permissions, home);
    // Homes come from tokens, and so without end.
    if (this.#roles.size >= MAX_COMPILED) this.#roles.clear();
    this.#roles.set(key, rules);
    return rules;
  }
}

const MAX_COMPILED = 10_000;

function compileRole(role: string, permissions: readonly Permission[], home: Home | undefined): RoleRules {
  const compiled = permissions.flatMap((permission, i) => {
    const rule = compile(permission, home, `roles.${role}[${i}]`);
    return rule ? [{ permission, rule }] : [];
  });
  const ofVerb = (verb: Verb): VerbRules => {
    const byNamespace = new Map<string, Rule[]>();
    const byPattern: Rule[] = [];
    for (const { permission, rule } of compiled) {
      if (!permission.verbs.some((one) => one === '*' || one === verb)) continue;
      const names = permission.namespaces.flatMap((pattern) => namesOf(pattern, home));
      if (names.length < permission.namespaces.length) byPattern.push(rule);
      else for (const name of names) byNamespace.set(name, [...(byNamespace.get(name) ?? []), rule]);
    }
    return { byNamespace, byPattern };
  };
  return Object.fromEntries(VERBS.map((verb) => [verb, ofVerb(verb)])) as Record<Verb, VerbRules>;
}

function compile(permission: Permission, home: Home | undefined, name: string): Rule | undefined {
  const namespaces = compilePatterns(permission.namespaces, home);
  const services = compilePatterns(permission.services, home);
  if (!namespaces || !services) return undefined;
  return {
    namespaces,
    services,
    isForAll: permission.services.includes('*'),
    allow: Object.freeze({ allowed: true, why: `${name} permits it` }),
  };
}

/** The one name that a pattern without `*` means. */
function namesOf(pattern: string, home: Home | undefined): readonly string[] {
  const pieces = piecesOf(pattern, home);
  return pieces?.length === 1 ? pieces : [];
}

/** @param namespace is left out where it is known to be the rules' own. */
function firstFor(
  rules: readonly Rule[],
  verb: Verb,
  service: string | undefined,
  namespace?: string,
): Rule | undefined {
  const isLook = verb === 'list' || verb === 'watch';
  for (const rule of rules) {
    if (namespace !== undefined && !rule.namespaces(namespace)) continue;
    if (service === undefined ? rule.isForAll || isLook : rule.services(service)) return rule;
  }
  return undefined;
}

function refused({ subject }: Rights, request: AccessRequest): AccessDecision {
  return no(`no role of ${subject} permits ${request.verb} on ${target(request)}`);
}

function no(why: string): AccessDecision {
  return { allowed: false, why };
}

function target({ namespace, service, id }: AccessRequest): string {
  if (service === undefined) return namespace;
  return id === undefined ? `${namespace}/${service}` : `${namespace}/${service}/${id}`;
}
