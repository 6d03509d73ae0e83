import { status } from '@grpc/grpc-js';
import type { Outcome } from '@rollcall/balancer';

const FAILURES: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

const NEITHER: ReadonlySet<status> = new Set([status.CANCELLED, status.RESOURCE_EXHAUSTED]);

/**
 * What a status says of the instance. Failures are what Envoy counts as such: the statuses that are a 5xx in HTTP
 * (https://github.com/envoyproxy/envoy/blob/main/source/common/grpc/status.cc), but for `UNIMPLEMENTED`, by which one caller of a
 * method that nobody has would eject them all. gRFC A50 counts every status but `OK`; then wrong requests eject, too.
 *
 * `CANCELLED` and `RESOURCE_EXHAUSTED` count neither way: the first is the caller's wish, and the second, told at once, must not
 * make an instance look quick.
 */
export function outcomeOf(code: status): Outcome {
  if (FAILURES.has(code)) return 'failure';
  return NEITHER.has(code) ? 'ignored' : 'success';
}
