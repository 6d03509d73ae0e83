/** A span, as the collector gives it back. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `undefined` of a trace's first. */
  readonly parentSpanId: string | undefined;
  /** `service.name` of the process that made it. */
  readonly process: string;
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER' | 'UNSPECIFIED';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** OpenTelemetry's JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), as far as it is read here. */
export interface TracesJson {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly AttributeJson[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly SpanJson[] }[];
  }[];
}

interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number | string;
  /** 64 bits go as text. */
  readonly startTimeUnixNano: string;
  readonly status?: { readonly code?: number | string };
  readonly attributes?: readonly AttributeJson[];
}

interface AttributeJson {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    /** 64 bits go as text. */
    readonly intValue?: string | number;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
  };
}

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const ERROR = 2;

export function spansOf({ resourceSpans = [] }: TracesJson): readonly CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const { 'service.name': process } = attributesOf(resource?.attributes);
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        process: String(process),
        name: span.name,
        kind: KINDS.find((kind, i) => span.kind === i || span.kind === `SPAN_KIND_${kind}`) ?? 'UNSPECIFIED',
        startedAt: Number(span.startTimeUnixNano) / 1_000_000,
        isError: span.status?.code === ERROR || span.status?.code === 'STATUS_CODE_ERROR',
        attributes: attributesOf(span.attributes),
      })),
    );
  });
}

function attributesOf(given: readonly AttributeJson[] = []): CollectedSpan['attributes'] {
  return Object.fromEntries(
    given.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ??
        (intValue === undefined ? undefined : Number(intValue)) ??
        doubleValue ??
        boolValue ??
        '',
    ]),
  );
}
