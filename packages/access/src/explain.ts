import type { AccessDecision, AccessRequest, Principal } from './contract.ts';
import { CompiledPolicy } from './policy/compiled-policy.ts';
import type { PolicyDocument } from './policy/schema.ts';

/** Somebody whose rights are looked at, without their credentials. */
export interface Somebody {
  readonly subject: string;
  /** Roles that a token or a key would give. The policy's own for the subject come by themselves. */
  readonly roles?: readonly string[];
  readonly home?: Principal['home'];
}

/** What a policy comes to: the decision, and the roles that it was made by. */
export interface Explanation extends AccessDecision {
  readonly roles: readonly string[];
}

/** Decides as a gateway with this policy would. It reads no file and asks no issuer. */
export function explain(policy: PolicyDocument, who: Somebody, request: AccessRequest): Explanation {
  const compiled = new CompiledPolicy(policy);
  const roles = compiled.rolesOf(who.subject, who.roles ?? []);
  return { ...compiled.decide(compiled.rightsOf(who.subject, roles, who.home), request), roles };
}
