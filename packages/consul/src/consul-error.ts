import { RegistryError, type RegistryErrorCode, toRegistryError } from '@rollcall/core';

/**
 * What an answer that is no success means. The library's own error is not kept as its cause: it holds the request, and
 * that the token.
 *
 * @param doing what was being done, such as `register user-service/7 in Consul`; it starts the message.
 */
export function answerError(status: number, text: string, doing: string, address: string): RegistryError {
  const said = text.trim().replaceAll(/\s+/gu, ' ').slice(0, 300) || 'nothing more';
  const [code, advice] = meaningOf(status, text);
  const message = `${doing}: the Consul agent at ${address} answers ${status}: ${said}${advice && `; ${advice}`}`;
  return new RegistryError(code, message);
}

function meaningOf(status: number, text: string): readonly [RegistryErrorCode, string] {
  // Servers tell agents by text alone, and agents then answer 500 for it.
  if (status >= 400 && /ACL not found/u.test(text))
    return ['UNAUTHENTICATED', 'the token is unknown or expired: check token or tokenFile'];
  if (status >= 400 && /anonymous token lacks permission/u.test(text))
    return ['UNAUTHENTICATED', 'no token was sent: set token or tokenFile'];
  if (status === 403 || (status >= 400 && /Permission denied/iu.test(text)))
    return ['PERMISSION_DENIED', 'give the token a policy with this right'];
  if (status === 401) return ['UNAUTHENTICATED', 'check token or tokenFile'];
  if (status === 400) return ['INVALID_ARGUMENT', ''];
  // 429: too many connections or requests of this client.
  if (status === 429 || status >= 500) return ['UNAVAILABLE', ''];
  return ['PROTOCOL', 'is it a Consul agent?'];
}

/** A request that got no whole answer. */
export function requestError(error: unknown, doing: string, address: string): RegistryError {
  if (error instanceof RegistryError) return error;
  const { message, code, isTimeout } = error as Error & { code?: unknown; isTimeout?: boolean };
  if (isTimeout === true) {
    const text = `${doing}: no answer in time from the Consul agent at ${address}`;
    return new RegistryError('DEADLINE_EXCEEDED', text, { cause: error });
  }
  if (typeof code === 'string') {
    const text = `${doing}: no Consul agent can be reached at ${address}: ${message}`;
    // A certificate that isn't trusted, or an answer that isn't HTTP, may be mended: the core tries again.
    return new RegistryError(code.startsWith('HPE_') ? 'PROTOCOL' : 'UNAVAILABLE', text, { cause: error });
  }
  return toRegistryError(error, `${doing} at ${address}`);
}
