/**
 * Why a call failed before a server's answer:
 *
 * | code | means |
 * |---|---|
 * | `NO_INSTANCE` | the service is listed, and nobody of it may be called: none is `UP`, or none is there |
 * | `NO_LIST` | the registry has not said yet who is there; the cause is its error |
 * | `UNREACHABLE` | no instance that was tried answered; the cause is the last one's error |
 * | `DEADLINE_EXCEEDED` | no answer within `timeoutMs` |
 * | `CIRCUIT_OPEN` | the circuit breaker of this service is open |
 * | `LIMIT_REACHED` | so many calls to this service are under way, and waiting |
 * | `THROTTLED` | the service refuses more than it takes; the call was not made |
 * | `CLOSED` | the dispatcher is closed |
 */
export type CallErrorCode =
  | 'NO_INSTANCE'
  | 'NO_LIST'
  | 'UNREACHABLE'
  | 'DEADLINE_EXCEEDED'
  | 'CIRCUIT_OPEN'
  | 'LIMIT_REACHED'
  | 'THROTTLED'
  | 'CLOSED';

/** A call that no server answered. Its message says which service, what was tried, and what to do. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: CallErrorCode;
  readonly service: string;

  constructor(code: CallErrorCode, service: string, message: string, cause?: unknown) {
    super(`${service}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.service = service;
  }
}
