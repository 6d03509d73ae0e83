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
import { type Called, calledBy } from './called.ts';

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
 *
 * The span of a stream lasts until its status came: from the server, by a deadline, or as it was cancelled. It then says how many
 * messages went each way. There is no event for each: the conventions have given that up
 * (https://github.com/open-telemetry/semantic-conventions/issues/3266).
 */
export function tracedCalls({ tracer = trace.getTracer(SCOPE) }: TracedCallsOptions = {}): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    const messages = { sent: 0, received: 0 };
    return new InterceptingCall(call, {
      start: (metadata, _listener, next) => {
        const parent = context.active();
        const called = calledBy(options, call);
        const attributes = requestAttributes(called);
        const span = tracer.startSpan(called.method, { kind: SpanKind.CLIENT, attributes }, parent);
        const sent = metadata.clone();
        propagation.inject(trace.setSpan(parent, span), sent, {
          set: (carrier, name, value) => carrier.set(name, value),
        });
        next(sent, {
          onReceiveMessage: (message, tell) => {
            // A call that should get one answer and gets none is told `null`.
            if (message !== null) messages.received++;
            tell(message);
          },
          onReceiveStatus: (end, tell) => {
            if (called.isStream)
              span.setAttributes({
                [ATTRIBUTES.messagesSent]: messages.sent,
                [ATTRIBUTES.messagesReceived]: messages.received,
              });
            const peer = call.getPeer();
            finish(span, end, peer === called.target ? undefined : peer);
            tell(end);
          },
        });
      },
      sendMessage: (message, next) => {
        messages.sent++;
        next(message);
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

function requestAttributes({ method, address, service, namespace }: Called): Attributes {
  return {
    [ATTRIBUTES.rpcSystem]: 'grpc',
    [ATTRIBUTES.rpcMethod]: method,
    [ATTRIBUTES.serverAddress]: address,
    ...(service !== undefined && { [ATTRIBUTES.service]: service }),
    ...(namespace !== undefined && { [ATTRIBUTES.namespace]: namespace }),
  };
}

/** Of `10.0.0.7:9000` or `[::1]:9000`. */
function peerAttributes(peer: string): Attributes {
  const { host, port } = /^\[?(?<host>.+?)\]?:(?<port>\d+)$/u.exec(peer)?.groups ?? {};
  if (host === undefined) return { [ATTRIBUTES.peerAddress]: peer };
  return { [ATTRIBUTES.peerAddress]: host, [ATTRIBUTES.peerPort]: Number(port) };
}
