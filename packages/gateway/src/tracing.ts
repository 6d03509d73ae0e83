import type * as OpenTelemetry from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';

type Api = typeof OpenTelemetry;

/** The server spans of requests, with the HTTP semantic conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). */
export interface Tracing {
  /** Begins the span of a request, as a child of its `traceparent`, and runs `next` within it. */
  begin(request: FastifyRequest, next: () => void): void;
  /** Ends it. Ended once, whoever comes first. */
  end(request: FastifyRequest, status: number): void;
}

/**
 * @param tracer `undefined`: that of `@opentelemetry/api`, where it is installed.
 * @returns `undefined` where nothing is to be traced.
 */
export async function openTracing(tracer: Tracer | false | undefined): Promise<Tracing | undefined> {
  if (tracer === false) return undefined;
  const api = await import('@opentelemetry/api').catch(() => undefined);
  return api && tracingWith(api, tracer ?? api.trace.getTracer('@rollcall/gateway'));
}

/** Adds the spans to every request of the server. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  app.addHook('onRequest', (request, _reply, done) => tracing.begin(request, done));
  app.addHook('onResponse', async (request, reply) => tracing.end(request, reply.statusCode));
  app.addHook('onRequestAbort', async (request) => tracing.end(request, 499));
}

function tracingWith(
  { context, propagation, SpanKind, SpanStatusCode, trace }: Api,
  tracer: Tracer,
): Tracing {
  const spans = new WeakMap<FastifyRequest, Span>();
  return {
    begin(request, next) {
      const parent: Context = propagation.extract(context.active(), request.headers);
      const route = request.routeOptions.url;
      const { protocol, hostname, port, method, url } = request;
      const span = tracer.startSpan(
        route === undefined ? method : `${method} ${route}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': method,
            'url.scheme': protocol,
            // Without the query: no route has a secret in its path.
            'url.path': url.split('?', 1)[0] ?? '',
            'network.protocol.version': request.raw.httpVersion,
            'client.address': request.ip,
            'server.address': hostname,
            ...(port !== null && { 'server.port': port }),
            ...(route !== undefined && { 'http.route': route }),
            ...(request.headers['user-agent'] !== undefined && {
              'user_agent.original': request.headers['user-agent'],
            }),
          },
        },
        parent,
      );
      spans.set(request, span);
      context.with(trace.setSpan(parent, span), next);
    },
    end(request, status) {
      const span = spans.get(request);
      if (!span) return;
      spans.delete(request);
      span.setAttribute('http.response.status_code', status);
      if (status >= 500) {
        span.setAttribute('error.type', String(status));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
