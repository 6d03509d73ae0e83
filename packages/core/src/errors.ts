/**
 * What went wrong, as a fixed set:
 *
 * | code | means | does the core try again? |
 * |---|---|---|
 * | `INVALID_ARGUMENT` | the caller's input is refused; the message names the field | no |
 * | `INVALID_CONFIG` | the configuration is refused; the message names the key | no |
 * | `UNAVAILABLE` | the registry can't be reached, or answered that it can't serve now | yes |
 * | `DEADLINE_EXCEEDED` | no answer in time; the request may still have taken effect | yes |
 * | `LEASE_LOST` | the registry no longer knows the lease: register again | yes, at once |
 * | `UNAUTHENTICATED` | credentials are missing, wrong or expired | yes, slowly: they may be mended |
 * | `PERMISSION_DENIED` | the credentials are good, but not for this | yes, slowly |
 * | `UNSUPPORTED` | this registry can't do that | no |
 * | `PROTOCOL` | the answer can't be understood | yes |
 * | `ABORTED` | the caller's `AbortSignal` ended the wait | no |
 * | `CLOSED` | the registry handle is closed | no |
 */
export type RegistryErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_CONFIG'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'LEASE_LOST'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'UNSUPPORTED'
  | 'PROTOCOL'
  | 'ABORTED'
  | 'CLOSED';

const RETRYABLE: ReadonlySet<RegistryErrorCode> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'LEASE_LOST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'PROTOCOL',
]);

export interface RegistryErrorOptions {
  /** The error underneath, kept for whoever debugs it. */
  readonly cause?: unknown;
  /** The input or configuration key that is at fault, such as `port` or `registry.options.endpoints[0]`. */
  readonly field?: string;
}

/**
 * The one error that Rollcall throws. Its message says what failed, against what, and what to do; it never
 * holds a credential.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly field: string | undefined;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.field = options.field;
  }

  /** Whether the same call may succeed later without a change by the caller. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/**
 * Node's system error codes that mean "the peer is not there or went away"
 * (https://nodejs.org/api/errors.html#common-system-errors).
 */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * The error for an argument that can't be: `slowStart.windowMs must be above 0`.
 *
 * @param field as a user writes it, such as `slowStart.windowMs`; it is also the error's `field`.
 */
export function invalidArgument(field: string, problem: string): RegistryError {
  return new RegistryError('INVALID_ARGUMENT', `${field} ${problem}`, { field });
}

/**
 * Makes a {@link RegistryError} of whatever an adapter threw. A `RegistryError` passes through; an abort becomes
 * `ABORTED`; Node's network errors become `UNAVAILABLE`; anything else is `PROTOCOL`, with the original as `cause`.
 *
 * @param doing what was being done, such as `register user-service/7 in etcd`; it starts the message.
 */
export function toRegistryError(error: unknown, doing: string): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof Error) {
    if (error.name === 'AbortError')
      return new RegistryError('ABORTED', `${doing}: aborted`, { cause: error });
    if (error.name === 'TimeoutError') {
      return new RegistryError('DEADLINE_EXCEEDED', `${doing}: no answer in time`, { cause: error });
    }
    const code = 'code' in error ? error.code : undefined;
    if (UNREACHABLE.has(code)) {
      return new RegistryError(
        'UNAVAILABLE',
        `${doing}: ${String(code)}, is the registry running and reachable?`,
        {
          cause: error,
        },
      );
    }
    return new RegistryError('PROTOCOL', `${doing}: ${error.message}`, { cause: error });
  }
  return new RegistryError('PROTOCOL', `${doing}: ${String(error)}`, { cause: error });
}
