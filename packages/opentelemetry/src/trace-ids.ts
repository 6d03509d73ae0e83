import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { Logger } from '@rollcall/core';

/** In the names that OpenTelemetry has for logs of other formats, all in hexadecimal. */
export interface TraceIds {
  readonly trace_id: string;
  readonly span_id: string;
  /** `01` when the trace is kept, else `00`. */
  readonly trace_flags: string;
}

/**
 * The ids of the span that is active here, for a log line or an event: `logger.info({ ...traceIds() }, 'saved')`. `undefined` where there is
 * none, which spreads to nothing.
 */
export function traceIds(): TraceIds | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return undefined;
  const flags = span.traceFlags.toString(16).padStart(2, '0');
  return Object.freeze({ trace_id: span.traceId, span_id: span.spanId, trace_flags: flags });
}

/**
 * The same logger, for `createRegistry`, with the ids at the end of each line that is written within a span:
 * `… trace_id=4bf9… span_id=00f0…`.
 */
export function withTraceIds(logger: Logger): Logger {
  return Object.freeze({
    error: (message: string) => logger.error(marked(message)),
    warn: (message: string) => logger.warn(marked(message)),
    info: (message: string) => logger.info(marked(message)),
    debug: (message: string) => logger.debug(marked(message)),
  });
}

function marked(message: string): string {
  const ids = traceIds();
  return ids ? `${message} trace_id=${ids.trace_id} span_id=${ids.span_id}` : message;
}
