export { instrument, type InstrumentOptions } from './instrument.ts';
export { measured, type MeasuredOptions } from './measured.ts';
export { measuredAdapter, type MeasuredAdapterOptions } from './measured-adapter.ts';
export type { AdapterOperation } from './surrounded-adapter.ts';
export { type TraceIds, traceIds, withTraceIds } from './trace-ids.ts';
export { traced, type TracedOptions } from './traced.ts';
export { tracedAdapter, type TracedAdapterOptions } from './traced-adapter.ts';
