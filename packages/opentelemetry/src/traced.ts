import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type {
  AttemptObserver,
  AttemptStart,
  CallObserver,
  HttpObserver,
  HttpOptions,
  ObservedEnd,
  ObservedRequest,
} from '@rollcall/http';
import { ATTRIBUTES, errorType, methodName, portOf, SCOPE } from './conventions.ts';
import { observedBy } from './together.ts';
import { isUntraced } from './without-sdk.ts';

export interface TracedOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`. */
  readonly tracer?: Tracer;
  /**
   * Query parameters whose values don't stand in `url.full`, in just this case. Defaults to those of the conventions, by which URLs are
   * signed; what is given here is instead of those.
   */
  readonly sensitiveQueryParameters?: readonly string[];
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/ */
const SIGNATURES = [
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Goog-Signature',
];

/**
 * Options of `createFetch` and `ServiceDispatcher` by which calls are traced: a `CLIENT` span for each try, as the conventions have it, and
 * the headers by which the server goes on with the same trace.
 *
 * ```ts
 * const fetch = createFetch(registry, traced({ timeoutMs: 2_000 }));
 * ```
 *
 * A call that was never sent has a span too, which says why. An observer that the options have already stays.
 *
 * @param options as without it.
 */
export function traced(options: HttpOptions = {}, tracedOptions: TracedOptions = {}): HttpOptions {
  const { tracer, sensitiveQueryParameters = SIGNATURES } = tracedOptions;
  return observedBy(options, observer(tracer, sensitiveQueryParameters));
}

function observer(given: Tracer | undefined, sensitive: readonly string[]): HttpObserver {
  const tracer = given ?? trace.getTracer(SCOPE);
  return (request) => (!given && isUntraced() ? undefined : new TracedCall(tracer, sensitive, request));
}

class TracedCall implements CallObserver {
  readonly #tracer: Tracer;
  readonly #sensitive: readonly string[];
  readonly #request: ObservedRequest;
  /** A later try begins where the network's events come: that is nobody's context. */
  readonly #parent = context.active();
  readonly #startTime = Date.now();
  #isSent = false;

  constructor(tracer: Tracer, sensitive: readonly string[], request: ObservedRequest) {
    this.#tracer = tracer;
    this.#sensitive = sensitive;
    this.#request = request;
  }

  onAttempt(attempt: AttemptStart): AttemptObserver {
    this.#isSent = true;
    const span = this.#start();
    // Nobody samples by these, and what the SDK is given at the start it reads three times.
    if (span.isRecording()) span.setAttributes(attemptAttributes(attempt));
    return new TracedTry(span, headersFor(span, this.#parent));
  }

  onEnd(end: ObservedEnd): void {
    if (!this.#isSent) finish(this.#start(this.#startTime), end);
  }

  #start(startTime?: number): Span {
    const options: SpanOptions = {
      kind: SpanKind.CLIENT,
      attributes: requestAttributes(this.#request, this.#sensitive),
    };
    if (startTime !== undefined) options.startTime = startTime;
    return this.#tracer.startSpan(spanName(this.#request.method), options, this.#parent);
  }
}

class TracedTry implements AttemptObserver {
  readonly headers: Readonly<Record<string, string>>;
  readonly #span: Span;

  constructor(span: Span, headers: Readonly<Record<string, string>>) {
    this.#span = span;
    this.headers = headers;
  }

  onEnd(end: ObservedEnd): void {
    finish(this.#span, end);
  }
}

/** Those by which the server knows the trace, such as `traceparent`: the SDK's propagator says which. */
function headersFor(span: Span, parent: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(parent, span), headers);
  return headers;
}

function finish(span: Span, { status, error, isCancelled = false }: ObservedEnd): void {
  if (status !== undefined) span.setAttribute(ATTRIBUTES.status, status);
  if (isCancelled) span.setAttribute(ATTRIBUTES.attemptCancelled, true);
  if (error) {
    span.setAttribute(ATTRIBUTES.errorType, errorType(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  } else if (status !== undefined && status >= 400) {
    span.setAttribute(ATTRIBUTES.errorType, String(status));
    // The status says it all: the conventions want no message.
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function requestAttributes(request: ObservedRequest, sensitive: readonly string[]): Attributes {
  const { method, service, origin, path } = request;
  const known = methodName(method);
  const attributes: Attributes = {
    [ATTRIBUTES.method]: known,
    [ATTRIBUTES.serverAddress]: service,
    [ATTRIBUTES.serverPort]: portOf(origin),
    [ATTRIBUTES.urlFull]: path.includes('?') ? withoutSecrets(origin + path, sensitive) : origin + path,
    [ATTRIBUTES.service]: service,
  };
  if (known !== method) attributes[ATTRIBUTES.methodOriginal] = method;
  return attributes;
}

function attemptAttributes({ instance, kind, attempt }: AttemptStart): Attributes {
  const attributes: Attributes = {
    [ATTRIBUTES.peerAddress]: instance.host,
    [ATTRIBUTES.peerPort]: instance.port,
    [ATTRIBUTES.namespace]: instance.namespace,
    [ATTRIBUTES.instanceId]: instance.id,
    [ATTRIBUTES.attemptKind]: kind,
  };
  if (instance.zone !== undefined) attributes[ATTRIBUTES.instanceZone] = instance.zone;
  if (attempt > 1) attributes[ATTRIBUTES.resendCount] = attempt - 1;
  return attributes;
}

function withoutSecrets(text: string, sensitive: readonly string[]): string {
  const url = new URL(text);
  for (const name of sensitive) if (url.searchParams.has(name)) url.searchParams.set(name, 'REDACTED');
  return url.href;
}

function spanName(method: string): string {
  const known = methodName(method);
  return known === '_OTHER' ? 'HTTP' : known;
}
