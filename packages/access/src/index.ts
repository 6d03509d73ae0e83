export {
  AccessControl,
  type AccessControlOptions,
  OPEN_POLICY,
  type ReloadOutcome,
} from './access-control.ts';
export { createApiKey, type NewApiKey } from './authentication/api-key.ts';
export { AuthenticationError, type AuthenticationReason } from './authentication/authentication-error.ts';
export { type AccessDecision, type AccessRequest, type Principal, type Verb, VERBS } from './contract.ts';
export type { DecidedRecord, DecisionRecord, RefusedRecord } from './decision-log.ts';
export { readPolicy } from './policy/policy-file.ts';
export { type PolicyDocument, type PolicyInput, policySchema } from './policy/schema.ts';
