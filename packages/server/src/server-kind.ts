import type { Server } from 'node:net';
import { RegistryError } from '@rollcall/core';

/** A Fastify instance, as far as it matters here. */
export interface FastifyLike {
  readonly server: Server;
  ready(): unknown;
  close(): unknown;
}

/** A Nest application on an HTTP adapter, as far as it matters here. */
export interface NestLike {
  getHttpServer(): unknown;
  close(): Promise<unknown>;
}

/** A server of `@grpc/grpc-js`, as far as it matters here. */
export interface GrpcServerLike {
  tryShutdown(callback: (error?: Error) => void): void;
  forceShutdown(): void;
}

/** A server of `node:http`, `node:https` or `node:http2`, or an application that holds one. */
export type HttpServerLike = Server | FastifyLike | NestLike;

/** What was given, and what has to be called on it. */
export type ServerKind =
  | { readonly kind: 'grpc'; readonly server: GrpcServerLike }
  | {
      readonly kind: 'http';
      readonly server: Server;
      /** Ends the application around the server, where there is one. */
      readonly closeApplication: (() => unknown) | undefined;
    };

/**
 * Tells by their methods what kind of server it is, so that none of the frameworks is imported.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` where it is none that we know.
 */
export function kindOf(given: unknown): ServerKind {
  if (has(given, 'tryShutdown') && has(given, 'forceShutdown')) {
    return { kind: 'grpc', server: given as unknown as GrpcServerLike };
  }
  if (isServer(given)) return { kind: 'http', server: given, closeApplication: undefined };
  if (has(given, 'getHttpServer') && has(given, 'close')) {
    const nest = given as unknown as NestLike;
    return { kind: 'http', server: serverOf(nest.getHttpServer()), closeApplication: () => nest.close() };
  }
  if (has(given, 'ready') && has(given, 'close') && 'server' in given) {
    const fastify = given as unknown as FastifyLike;
    return { kind: 'http', server: serverOf(fastify.server), closeApplication: () => fastify.close() };
  }
  if (has(given, 'listen')) {
    throw refuse('is an application that holds no server yet: give what its listen() returns');
  }
  throw refuse(
    'must be a server of node:http, node:https, node:http2 or @grpc/grpc-js, or a Fastify or Nest application',
  );
}

/** `https` where it speaks TLS: only such servers take certificates. */
export function schemeOf(server: Server): 'http' | 'https' {
  return has(server, 'setSecureContext') ? 'https' : 'http';
}

export function isHttp2(server: Server): boolean {
  return has(server, 'updateSettings');
}

function serverOf(inner: unknown): Server {
  if (isServer(inner)) return inner;
  throw refuse('is an application without a server of node:http, node:https or node:http2');
}

function isServer(value: unknown): value is Server {
  return has(value, 'address') && has(value, 'close') && has(value, 'emit') && 'listening' in value;
}

function has<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> & object {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<Record<Name, unknown>>)[name] === 'function'
  );
}

function refuse(problem: string): RegistryError {
  return new RegistryError('INVALID_ARGUMENT', `server ${problem}`, { field: 'server' });
}
