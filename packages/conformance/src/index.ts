export { adapterConformance } from './adapter-conformance.ts';
export type { AdapterHarness, Fault } from './harness.ts';
export { optionConformance, type OptionHarness } from './option-conformance.ts';
export type { TestFunctions } from './test-functions.ts';
