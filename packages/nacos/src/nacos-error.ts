import { status } from '@grpc/grpc-js';
import { RegistryError, type RegistryErrorCode } from '@rollcall/core';
import type { Body } from './payload.ts';

/** @param doing what was being done, such as `register user-service/7 in Nacos`; it starts the message. */
export function explainGrpc(
  error: { readonly code: number; readonly details: string },
  doing: string,
  address: string,
): RegistryError {
  const code = BY_STATUS[error.code] ?? 'UNAVAILABLE';
  const text = `${doing}: gRPC with ${address} failed: ${error.details || 'nothing is said of why'}`;
  return new RegistryError(code, `${text}; ${ADVICE[code] ?? 'is it Nacos?'}`, { cause: error });
}

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html; the others pass. */
const BY_STATUS: Readonly<Partial<Record<number, RegistryErrorCode>>> = {
  [status.UNKNOWN]: 'PROTOCOL',
  [status.UNIMPLEMENTED]: 'PROTOCOL',
  // An answer that is larger than taken, or that can't be parsed.
  [status.RESOURCE_EXHAUSTED]: 'PROTOCOL',
  [status.INTERNAL]: 'PROTOCOL',
};

/**
 * What an answer other than success means
 * (https://github.com/alibaba/nacos/blob/develop/api/src/main/java/com/alibaba/nacos/api/exception/NacosException.java).
 */
export function refusal(body: Body, doing: string, address: string): RegistryError | undefined {
  const { resultCode, errorCode, message } = body;
  if (resultCode === 200) return undefined;
  if (typeof resultCode !== 'number')
    return new RegistryError('PROTOCOL', `${doing}: the answer of ${address} has no result; is it Nacos?`);
  const code = BY_CODE[Number(errorCode)] ?? 'UNAVAILABLE';
  const said = typeof message === 'string' && message !== '' ? message : 'nothing';
  const advice = ADVICE[code];
  const text = `${doing}: Nacos at ${address} answered ${String(errorCode)}: ${said.slice(0, MAX_SAID)}`;
  return new RegistryError(code, advice ? `${text}; ${advice}` : text);
}

const MAX_SAID = 300;

const BY_CODE: Readonly<Partial<Record<number, RegistryErrorCode>>> = {
  // The connection isn't registered, or not for naming: it must be made anew.
  301: 'LEASE_LOST',
  [-401]: 'LEASE_LOST',
  // No handler for the request: the server is too old for it.
  302: 'UNSUPPORTED',
  // The server is starting.
  300: 'UNAVAILABLE',
  400: 'INVALID_ARGUMENT',
  403: 'UNAUTHENTICATED',
  502: 'PROTOCOL',
};

const ADVICE: Readonly<Partial<Record<RegistryErrorCode, string>>> = {
  UNAVAILABLE: 'is it running, and reachable?',
  UNAUTHENTICATED: 'check username and password, and what the user may do',
  LEASE_LOST: 'register again',
  UNSUPPORTED: 'is it older than Nacos 2.1?',
};
