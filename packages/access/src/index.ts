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
export { explain, type Explanation, type Somebody } from './explain.ts';
export { readPolicy } from './policy/policy-file.ts';
export { type PolicyDocument, type PolicyInput, policySchema } from './policy/schema.ts';
export {
  NATIVE_REGISTRIES,
  type NativeAccount,
  type NativePolicy,
  type NativeRegistry,
  type NativeStep,
  type RenderOptions,
} from './native/native-policy.ts';
export { readPasswords } from './native/passwords.ts';
export { renderPolicy, shellLines } from './native/render-policy.ts';
