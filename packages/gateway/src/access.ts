import type { AccessDecision, AccessRequest, Principal } from '@rollcall/access';
import type { NamespaceRules } from '@rollcall/core';

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
