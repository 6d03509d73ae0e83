import { InterceptingCall, type Interceptor, status, type StatusObject } from '@grpc/grpc-js';
import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { ATTRIBUTES, SCOPE } from '../conventions.ts';

export interface TracedCallsOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`. */
  readonly tracer?: Tracer;
}

/**
 * An interceptor of clients of `@grpc/grpc-js` that makes a `CLIENT` span for each call, and sends the metadata by which the server goes
 * on with the same trace. gRPC's own retries are within the span of their call.
 *
 * ```ts
 * const client = new UserClient('rollcall:///user-service', credentials.createInsecure(), {
 *   interceptors: [tracedCalls()],
 * });
 * ```
 */
export function tracedCalls({ tracer = trace.getTracer(SCOPE) }: TracedCallsOptions = {}): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    return new InterceptingCall(call, {
      start: (metadata, _listener, next) => {
        const parent = context.active();
        const method = options.method_definition.path.slice(1);
        // Before anybody is picked, the peer is the channel's target.
        const target = call.getPeer();
        const attributes = { ...requestAttributes(method), ...targetAttributes(target) };
        const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, parent);
        const sent = metadata.clone();
        propagation.inject(trace.setSpan(parent, span), sent, {
          set: (carrier, name, value) => carrier.set(name, value),
        });
        next(sent, {
          onReceiveStatus: (end, tell) => {
            const peer = call.getPeer();
            finish(span, end, peer === target ? undefined : peer);
            tell(end);
          },
        });
      },
    });
  };
}

function finish(span: Span, { code, details }: StatusObject, peer: string | undefined): void {
  const name = status[code] ?? String(code);
  span.setAttributes({ [ATTRIBUTES.rpcStatus]: name, ...(peer !== undefined && peerAttributes(peer)) });
  if (code !== status.OK) {
    span.setAttribute(ATTRIBUTES.errorType, name);
    span.setStatus({ code: SpanStatusCode.ERROR, message: details });
  }
  span.end();
}

function requestAttributes(method: string): Attributes {
  return { [ATTRIBUTES.rpcSystem]: 'grpc', [ATTRIBUTES.rpcMethod]: method };
}

/** Of `rollcall:///user-service`, or of a target of another kind. */
function targetAttributes(target: string): Attributes {
  const service = /^rollcall[^:]*:\/\/[^/]*\/(?<service>.+)$/u.exec(target)?.groups?.['service'];
  if (service === undefined) return { [ATTRIBUTES.serverAddress]: target };
  return { [ATTRIBUTES.serverAddress]: service, [ATTRIBUTES.service]: service };
}

/** Of `10.0.0.7:9000` or `[::1]:9000`. */
function peerAttributes(peer: string): Attributes {
  const { host, port } = /^\[?(?<host>.+?)\]?:(?<port>\d+)$/u.exec(peer)?.groups ?? {};
  if (host === undefined) return { [ATTRIBUTES.peerAddress]: peer };
  return { [ATTRIBUTES.peerAddress]: host, [ATTRIBUTES.peerPort]: Number(port) };
}
