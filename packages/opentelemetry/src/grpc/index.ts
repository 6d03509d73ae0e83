export { measuredCalls, type MeasuredCallsOptions } from './measured-calls.ts';
export { tracedCalls, type TracedCallsOptions } from './traced-calls.ts';
