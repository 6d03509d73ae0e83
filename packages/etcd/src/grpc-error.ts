import { status } from '@grpc/grpc-js';
import { RegistryError, type RegistryErrorCode } from '@rollcall/core';

/** What gRPC rejects a call with. */
export interface GrpcFailure extends Error {
  readonly code: number;
  readonly details: string;
}

export function isGrpcFailure(error: unknown): error is GrpcFailure {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  );
}

/** Whether etcd refused the token of a call, and not the user: a new token may do. */
export function isTokenRefused({ details }: GrpcFailure): boolean {
  return details.includes('invalid auth token') || details.includes('revision of auth store is old');
}

/** Whether the endpoint failed, and not the call: another endpoint may do. */
export function isEndpointFailure(failure: GrpcFailure): boolean {
  return codeOf(failure) === 'UNAVAILABLE' && !failure.details.includes('has been compacted');
}

/** @param doing what was being done, such as `register user-service/7`; it starts the message. */
export function grpcToRegistryError(failure: GrpcFailure, doing: string, endpoint: string): RegistryError {
  const code = codeOf(failure);
  const advice = ADVICE[code];
  const text = `${doing}: etcd at ${endpoint} says: ${failure.details || 'nothing'}${advice ? `; ${advice}` : ''}`;
  return new RegistryError(code, text, { cause: failure });
}

function codeOf({ code, details }: GrpcFailure): RegistryErrorCode {
  const known = BY_TEXT.find(([text]) => details.includes(text));
  return known?.[1] ?? BY_STATUS[code] ?? 'PROTOCOL';
}

/**
 * etcd's own words where they say more than the status
 * (https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go): a wrong password comes as
 * INVALID_ARGUMENT, and the reason of a refused watch is text alone.
 */
const BY_TEXT: readonly (readonly [string, RegistryErrorCode])[] = [
  ['requested lease not found', 'LEASE_LOST'],
  ['authentication failed', 'UNAUTHENTICATED'],
  ['invalid auth token', 'UNAUTHENTICATED'],
  ['revision of auth store is old', 'UNAUTHENTICATED'],
  ['user name is empty', 'UNAUTHENTICATED'],
  ['permission denied', 'PERMISSION_DENIED'],
];

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const BY_STATUS: Readonly<Partial<Record<number, RegistryErrorCode>>> = {
  [status.INVALID_ARGUMENT]: 'INVALID_ARGUMENT',
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
  // Not by us, as our own cancellations are known by their signal.
  [status.CANCELLED]: 'UNAVAILABLE',
  [status.RESOURCE_EXHAUSTED]: 'UNAVAILABLE',
  [status.ABORTED]: 'UNAVAILABLE',
  // A page of a range whose revision was compacted meanwhile: read again.
  [status.OUT_OF_RANGE]: 'UNAVAILABLE',
  // gRPC's own trouble, such as a stream that was reset.
  [status.INTERNAL]: 'UNAVAILABLE',
  [status.UNAVAILABLE]: 'UNAVAILABLE',
  [status.DATA_LOSS]: 'UNAVAILABLE',
};

const ADVICE: Readonly<Partial<Record<RegistryErrorCode, string>>> = {
  UNAVAILABLE: 'is it running, reachable and, of several, the majority?',
  UNAUTHENTICATED: 'check username and password',
  PERMISSION_DENIED: 'grant the user’s role readwrite on the prefix',
  LEASE_LOST: 'register again',
};
