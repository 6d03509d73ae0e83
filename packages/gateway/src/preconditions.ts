import { problem } from './problem.ts';

/** `If-Match` and `If-None-Match` of a change. */
export interface Preconditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/**
 * RFC 9110, section 13: the change is made only if what stands there is what the caller thinks.
 *
 * @param etag of what stands there; `undefined` when nothing does.
 * @throws {HttpProblem} 412
 */
export function checkPreconditions({ ifMatch, ifNoneMatch }: Preconditions, etag: string | undefined): void {
  if (ifMatch !== undefined && (etag === undefined || !matches(ifMatch, etag))) {
    const now = etag === undefined ? 'there is no such instance' : `its ETag is ${etag}`;
    throw problem('precondition-failed', `If-Match doesn't hold: ${now}. Read it again and decide anew.`);
  }
  if (ifNoneMatch !== undefined && etag !== undefined && matches(ifNoneMatch, etag))
    throw problem(
      'precondition-failed',
      `If-None-Match doesn't hold: the instance is there, with ETag ${etag}.`,
    );
}

/** Whether one of the tags of such a header is this one; `*` is any. Weak tags are compared by their text. */
export function matches(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  const wanted = etag.replace(/^W\//, '');
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === wanted);
}
