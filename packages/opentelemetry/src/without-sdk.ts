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

/** The last one that an SDK was seen behind. It stays so: an SDK that is taken away takes the stand-in along. */
let withSdk: StandIn | undefined;

/**
 * Whether nobody would see a span that begins here: no SDK was started, and no trace is passed on either. An SDK may be started at any
 * time.
 */
export function isUntraced(): boolean {
  const provider = trace.getTracerProvider() as TracerProvider & StandIn;
  // It is asked once: an SDK looks each tracer up by name, which takes longer than all else here.
  if (provider === withSdk || !provider.getDelegateTracer) return false;
  if (provider.getDelegateTracer(SCOPE)) {
    withSdk = provider;
    return false;
  }
  return trace.getSpan(context.active()) === undefined;
}

/** Whether a meter measures nothing, now and ever: it was asked for before an SDK was started. */
export function isUnmeasured(meter: Meter): boolean {
  return meter === createNoopMeter();
}
