import type { AccessDecision, AccessRequest, Principal } from '@rollcall/access';
import type { GatewayAccess } from './access.ts';
import { problem } from './problem.ts';

/**
 * Asks whether the caller may do this.
 *
 * @throws {HttpProblem} 403 that says why not.
 */
export function permit(access: GatewayAccess, principal: Principal, request: AccessRequest): AccessDecision {
  const decision = access.decide(principal, request);
  if (decision.allowed) return decision;
  throw problem('forbidden', `${request.verb} is not allowed here: ${decision.why}.`);
}

/** Why a decision no longer stands; `undefined` while it does. */
export function objectionTo(before: AccessDecision, now: AccessDecision): string | undefined {
  if (!now.allowed) return now.why;
  return now.only === before.only ? undefined : 'other instances are for you to see now';
}

/** Whether the caller may see who owns what in a service, and what was asked for: those who may override may. */
export function seesOwners(
  access: GatewayAccess,
  principal: Principal,
  { namespace, service }: { readonly namespace: string; readonly service: string },
): boolean {
  return access.check(principal, { verb: 'override', namespace, service }).allowed;
}
