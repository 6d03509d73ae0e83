import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Principal } from '@rollcall/access';
import { problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling; not there on what is open to everybody. */
    principal: Principal;
  }
}

/** What an answer looks like, by status. */
export interface RouteResponse {
  readonly says: string;
  readonly schema?: z.ZodType;
  /** Defaults to `application/json`. */
  readonly contentType?: string;
}

export interface RouteInput<Path, Query, Body> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** One operation of the API: how it is called, what it takes and what it answers. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it: `/v1/leases/{lease}`. */
  readonly url: string;
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Request headers beside the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly responses: Readonly<Record<number, RouteResponse>>;
  /** The problems that it may answer with, beside those of every route. */
  readonly problems?: readonly number[];
  readonly handle: (input: RouteInput<unknown, unknown, unknown>) => Promise<unknown>;
}

interface Handled<Path extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly handle: (input: RouteInput<z.output<Path>, z.output<Query>, z.output<Body>>) => Promise<unknown>;
}

/** Types a {@link Route} by its schemas. */
export function route<
  Path extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
>(
  definition: Omit<Route, 'path' | 'query' | 'body' | 'handle'> &
    Partial<Pick<Handled<Path, Query, Body>, 'path' | 'query' | 'body'>> &
    Pick<Handled<Path, Query, Body>, 'handle'>,
): Route {
  // The handler is only ever called with what these very schemas have made.
  return definition as unknown as Route;
}

/** Adds the routes to the server: each checks its input, then is called. */
export function mountRoutes(app: FastifyInstance, routes: readonly Route[]): void {
  for (const { method, url, path, query, body, handle } of routes) {
    app.route({
      method,
      url: url.replaceAll(/\{(\w+)\}/g, ':$1'),
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const input = {
          path: path ? checked(path, request.params, 'path') : {},
          query: query ? checked(query, request.query, 'query') : {},
          body: body ? checked(body, request.body, 'body') : undefined,
        };
        const { principal } = request;
        return await handle({ ...input, principal, request, reply, signal: goneSignal(reply) });
      },
    });
  }
}

/** Aborts when the caller has gone before the answer was sent. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** @throws {HttpProblem} 400 that names the first field at fault. */
function checked(schema: z.ZodType, value: unknown, part: 'path' | 'query' | 'body'): unknown {
  const result = schema.safeParse(part === 'body' ? value : { ...(value as object) });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') ?? '';
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const field = keys[0] ?? (place === '' ? part : place);
  const what = keys.length > 0 ? `${keys[0]} is not known here` : `${field}: ${issue?.message ?? 'is wrong'}`;
  throw problem('bad-request', `The ${part} is not valid: ${what}.`, { field });
}
