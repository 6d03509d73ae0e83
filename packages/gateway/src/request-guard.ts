import type { FastifyRequest } from 'fastify';
import { problem } from './problem.ts';

/** The names of this machine for itself. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

export function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);
}

/**
 * Refuses what a page of another origin makes a browser send. Where access is open, a page could otherwise do everything that
 * its reader may: by a plain request, or under a name of its own that it lets lead to this machine.
 *
 * @throws {HttpProblem} 403, 421
 */
export function refuseForeignPages(
  request: FastifyRequest,
  { isOpenLoopback }: { isOpenLoopback: boolean },
): void {
  const { host = '', origin, 'sec-fetch-site': site } = request.headers;
  if (isOpenLoopback && !LOOPBACK.test(host)) {
    const detail = 'Access is open here, and so only for this machine: ask for localhost.';
    throw problem('misdirected-request', detail, { field: 'Host' });
  }
  if (site === 'cross-site' || site === 'same-site')
    throw problem('forbidden', 'A page of another origin sent this request.', { field: 'Origin' });
  if (origin !== undefined && !isSameOrigin(origin, host))
    throw problem('forbidden', 'A page of another origin sent this request.', { field: 'Origin' });
}

function isSameOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
