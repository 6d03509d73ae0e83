import type { NamespaceRules, ServiceInstance } from '@rollcall/core';

/** What somebody wants to do. To update and to renew is to `register`; to list services and namespaces is to `list`. */
export const VERBS = ['list', 'watch', 'register', 'deregister', 'override', 'admin'] as const;
export type Verb = (typeof VERBS)[number];

/** Who is calling. */
export interface Principal {
  readonly subject: string;
  readonly kind: 'user' | 'service' | 'key' | 'anonymous';
  readonly roles: readonly string[];
  /** Where a service belongs. */
  readonly home?: { readonly namespace: string; readonly service?: string };
  /** When its credentials end, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** What is asked of {@link GatewayAccess.decide}. */
export interface AccessRequest {
  readonly verb: Verb;
  readonly namespace: string;
  readonly service?: string;
  readonly id?: string;
  /** Who registered what stands there: `null` when nobody knows, left out when nothing does. */
  readonly owner?: string | null;
}

export interface AccessDecision {
  readonly allowed: boolean;
  readonly why: string;
  /** Only these instances are for the caller to see. */
  readonly only?: (instance: ServiceInstance) => boolean;
}

/**
 * What the gateway asks before it does anything; `AccessControl` of `@rollcall/access` is one.
 */
export interface GatewayAccess {
  /** @throws {RegistryError} `UNAUTHENTICATED` for credentials that let nobody in; it may have a `challenge` for the caller. */
  authenticate(authorization: string | undefined, signal: AbortSignal): Promise<Principal>;
  decide(principal: Principal, request: AccessRequest): AccessDecision;
  /** As `decide`, but not logged: to find out what to show to somebody. */
  check(principal: Principal, request: AccessRequest): AccessDecision;
  /** The namespaces that the policy names. */
  namespaces(): readonly string[];
  /** The policy that holds now, as far as it is about namespaces. */
  readonly policy?: NamespaceRules;
  /** Who the owner of a client certificate is. Without it, certificates say nothing. */
  principalOf?(subject: string, home?: Principal['home']): Principal;
}

const ANYBODY: Principal = Object.freeze({
  subject: 'anonymous',
  kind: 'anonymous',
  roles: Object.freeze([]),
});
const ALLOWED: AccessDecision = Object.freeze({ allowed: true, why: 'access is open to everybody' });

/** Lets everybody do everything: for a gateway that only its own machine can reach. */
export function openAccess(): GatewayAccess {
  return {
    authenticate: async () => ANYBODY,
    decide: () => ALLOWED,
    check: () => ALLOWED,
    namespaces: () => [],
  };
}
