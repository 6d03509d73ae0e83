import type { Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import { RegistryError } from '@rollcall/core';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Principal } from '@rollcall/access';
import type { GatewayAccess } from './access.ts';
import type { Metrics } from './metrics.ts';
import { closingProblem } from './open-streams.ts';
import type { DEFAULT_LIMITS, GatewayCertificate, GatewayTls } from './options.ts';
import { problem, problemOf, type HttpProblem } from './problem.ts';
import { addressKey, RateLimiter, type RateLimit } from './rate-limits.ts';
import { refuseForeignPages } from './request-guard.ts';
import { traceRequests, type Tracing } from './tracing.ts';

export type Limits = {
  readonly [Key in keyof typeof DEFAULT_LIMITS]: Key extends 'perAddress' | 'perPrincipal'
    ? RateLimit | false
    : number;
};

export interface ServerOptions {
  readonly limits: Limits;
  readonly tls: GatewayTls | undefined;
  readonly trustedProxies: readonly string[];
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly isOpenLoopback: boolean;
  readonly isClosing: () => boolean;
  /** Told of failures that are the gateway's own. */
  readonly onFailure: (error: unknown) => void;
}

/** How often connections are looked at for timeouts, in milliseconds. */
const CHECK_INTERVAL_MS = 1_000;

/** Longer than any name, encoded. */
const MAX_PARAMETER = 1_024;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** The server with everything that holds for all requests: limits, problems, metrics, spans. It has no route yet. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { limits, tls, trustedProxies, metrics, tracing, isOpenLoopback, isClosing } = options;
  const transport = { maxHeaderSize: limits.headerBytes, connectionsCheckingInterval: CHECK_INTERVAL_MS };
  const app = fastify({
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    forceCloseConnections: 'idle',
    ...(trustedProxies.length > 0 && { trustProxy: [...trustedProxies] }),
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket),
    frameworkErrors: (error, _request, reply) => void answerProblem(reply, problemOf(error)),
    ...(tls ? { https: { ...tlsOptions(tls), ...transport } } : { http: transport }),
  }) as unknown as FastifyInstance;
  app.server.headersTimeout = limits.headersTimeoutMs;
  app.server.maxConnections = limits.connections;

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string) => parseJson(text),
  );
  if (tracing) traceRequests(app, tracing);
  const perAddress = limits.perAddress && new RateLimiter('address', limits.perAddress);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (isClosing() && !request.url.startsWith('/livez')) throw closingProblem();
    if (perAddress) reply.headers(await perAddress.take(addressKey(request.ip)));
    refuseForeignPages(request, { isOpenLoopback });
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    metrics.answered({
      method,
      route: routeOptions.url ?? 'none',
      status: reply.statusCode,
      tookMs: reply.elapsedTime,
    });
  });
  app.setNotFoundHandler((request, reply) => {
    void answerProblem(
      reply,
      problem('not-found', `There is no ${request.method} here: /openapi.json has what there is.`),
    );
  });
  app.setErrorHandler((error, _request, reply) => {
    const answer = problemOf(error);
    if (answer.problem.status >= 500 && answer.problem.code === 'PROTOCOL') options.onFailure(error);
    metrics.refused(answer.problem.type.slice('urn:rollcall:problem:'.length));
    void answerProblem(reply, answer);
  });
  return app;
}

/** Finds out who is calling, before anything else of a route is done. */
export function authenticateRequests(
  app: FastifyInstance,
  { access, limits }: { readonly access: GatewayAccess; readonly limits: Limits },
): void {
  const perPrincipal = limits.perPrincipal && new RateLimiter('principal', limits.perPrincipal);
  app.decorateRequest('principal');
  app.addHook('onRequest', async (request, reply) => {
    request.principal =
      certifiedPrincipal(access, request) ??
      (await access.authenticate(
        request.headers.authorization,
        AbortSignal.timeout(limits.requestTimeoutMs),
      ));
    if (perPrincipal) reply.headers(await perPrincipal.take(request.principal.subject));
  });
}

/** Who a client certificate is, where the caller shows nothing else. */
function certifiedPrincipal(access: GatewayAccess, { headers, raw }: FastifyRequest): Principal | undefined {
  const { socket } = raw;
  if (!access.principalOf || headers.authorization !== undefined) return undefined;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name: unknown = subject?.CN;
  if (typeof name !== 'string' || name === '') return undefined;
  // A name of the form namespace/service belongs there.
  const [namespace = '', service, more] = name.split('/');
  const home = service && namespace !== '' && more === undefined ? { namespace, service } : undefined;
  return access.principalOf(name, home);
}

export function answerProblem(reply: FastifyReply, { problem: details, headers }: HttpProblem): FastifyReply {
  return reply
    .code(details.status)
    .headers(headers)
    .type('application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(details));
}

function tlsOptions({ requireClientCertificate = false, ...texts }: GatewayTls) {
  return {
    ...tlsContext(texts),
    ...(texts.ca !== undefined && { requestCert: true, rejectUnauthorized: requireClientCertificate }),
  };
}

function tlsContext({ cert, key, ca }: GatewayCertificate) {
  return { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) } as const;
}

/** @throws {RegistryError} `INVALID_CONFIG` when it can't be taken; nothing has changed then. */
export function renewTls(server: object, tls: GatewayCertificate): void {
  if (!(server instanceof TlsServer))
    throw new RegistryError('INVALID_CONFIG', 'this gateway was started without TLS', { field: 'tls' });
  try {
    server.setSecureContext(tlsContext(tls));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RegistryError('INVALID_CONFIG', `not a certificate and its key: ${why}`, {
      field: 'tls',
      cause,
    });
  }
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    // A property named `__proto__` stays a property: nothing here copies it by assignment.
    return JSON.parse(text) as unknown;
  } catch {
    throw problem('bad-request', 'The body is not JSON.', { field: 'body' });
  }
}

/** What can't be parsed as HTTP has no reply: the answer is written by hand. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { problem: details } = brokenRequest(error.code);
  const body = JSON.stringify(details);
  const head = [
    `HTTP/1.1 ${details.status} ${details.title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}

function brokenRequest(code: string | undefined): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return problem('headers-too-large', 'The headers are larger than this server takes.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return problem('request-timeout', 'The request did not arrive in time: send it at once.');
  return problem('bad-request', 'This is not HTTP as this server understands it.');
}
