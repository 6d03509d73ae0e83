import { randomUUID } from 'node:crypto';

/** One that would also be found in a URL, where signs are escaped. */
export function newPassword(): string {
  return `pass/${randomUUID()}`;
}
