import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { outcomeOf } from '../src/outcome.ts';

it.each<[status, string]>([
  [status.OK, 'success'],
  // It answered; the answer is the caller's matter.
  [status.NOT_FOUND, 'success'],
  [status.INVALID_ARGUMENT, 'success'],
  [status.PERMISSION_DENIED, 'success'],
  [status.UNIMPLEMENTED, 'success'],
  // It is not to blame, and not to be praised.
  [status.CANCELLED, 'ignored'],
  [status.RESOURCE_EXHAUSTED, 'ignored'],
  [status.UNAVAILABLE, 'failure'],
  [status.INTERNAL, 'failure'],
  [status.UNKNOWN, 'failure'],
  [status.DATA_LOSS, 'failure'],
  [status.DEADLINE_EXCEEDED, 'failure'],
])('status %i is a %s of the instance', (code, outcome) => {
  expect(outcomeOf(code)).toBe(outcome);
});
