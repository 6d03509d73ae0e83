export { adapterConformance } from './adapter-conformance.ts';
export type { AdapterHarness, Fault } from './harness.ts';
export type { TestFunctions } from './test-functions.ts';
