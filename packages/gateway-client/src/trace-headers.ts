/** Gives the headers by which a gateway goes on with the trace in which it is asked. */
export type TraceHeaders = () => Readonly<Record<string, string>>;

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** Those that OpenTelemetry's propagator gives, where its API is installed; else none. */
export async function openTraceHeaders(): Promise<TraceHeaders> {
  const api = await import('@opentelemetry/api').catch(() => undefined);
  if (!api) return () => NONE;
  return () => {
    const headers: Record<string, string> = {};
    api.propagation.inject(api.context.active(), headers);
    return headers;
  };
}
