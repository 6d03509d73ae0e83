export { tracedCalls, type TracedCallsOptions } from './traced-calls.ts';
