import {
  context,
  createNoopMeter,
  type Meter,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { SCOPE } from './conventions.ts';

/** What stands in for a provider until an SDK gives its own, and passes on to that from then on. */
interface StandIn {
  getDelegateTracer?(name: string): Tracer | undefined;
}

/**
 * Whether nobody would see a span that begins here: no SDK was started, and no trace is passed on either. An SDK may be started at any
 * time.
 */
export function isUntraced(): boolean {
  const provider = trace.getTracerProvider() as TracerProvider & StandIn;
  if (!provider.getDelegateTracer || provider.getDelegateTracer(SCOPE)) return false;
  return trace.getSpan(context.active()) === undefined;
}

/** Whether a meter measures nothing, now and ever: it was asked for before an SDK was started. */
export function isUnmeasured(meter: Meter): boolean {
  return meter === createNoopMeter();
}
