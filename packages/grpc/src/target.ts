import type { experimental } from '@grpc/grpc-js';
import { RegistryError } from '@rollcall/core';

export interface Target {
  readonly service: string;
  /** `undefined`: the registry's own. */
  readonly namespace: string | undefined;
}

/**
 * Reads `rollcall:///user-service` or `rollcall://namespace/user-service`. What has a meaning in a URL stands percent-encoded
 * in a name.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` that says how it is written.
 */
export function parseTarget({ scheme = '', authority = '', path }: experimental.GrpcUri): Target {
  const written = authority === '' ? `${scheme}:${path}` : `${scheme}://${authority}/${path}`;
  const refuse = (problem: string) =>
    new RegistryError('INVALID_ARGUMENT', `target ${written} ${problem}: write ${scheme}:///service`, {
      field: 'target',
    });
  if (path.startsWith('/')) throw refuse('names no service');
  if (/[/?#]/u.test(path)) throw refuse('has more than a service name');
  if (/:\d*$/u.test(path)) throw refuse('has a port, which the registry knows');
  try {
    return {
      service: decodeURIComponent(path),
      namespace: authority === '' ? undefined : decodeURIComponent(authority),
    };
  } catch {
    throw refuse('is not well percent-encoded');
  }
}

/**
 * The `:authority` of calls, and the name that a server's certificate must have: the service's, with `-` for what a host name
 * can't hold.
 */
export function authorityOf({ service }: Target): string {
  const name = service.replaceAll(/[^\w.-]/gu, '-');
  return URL.canParse(`http://${name}`) ? name : 'rollcall';
}
