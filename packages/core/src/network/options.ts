import { z } from 'zod';

/**
 * Checks one URL of a server among the options of an adapter: scheme, host and port, and a path only where `path` says so. The
 * messages never quote the URL: whoever writes credentials into it would find them in a log.
 *
 * @param example what to write instead, such as `http://10.0.0.5:8500`.
 * @param credentials the options where credentials belong. Defaults to `username and password`.
 */
export function serverUrl(
  example: string,
  { path = false, credentials = 'username and password' }: { path?: boolean; credentials?: string } = {},
) {
  return z.string().superRefine((text, issues) => {
    const problem = urlProblem(text, { example, path, credentials });
    if (problem) issues.addIssue({ code: 'custom', message: problem });
  });
}

function urlProblem(
  text: string,
  { example, path, credentials }: { example: string; path: boolean; credentials: string },
): string | undefined {
  if (!/^https?:\/\//u.test(text) || !URL.canParse(text)) return `must be a URL such as ${example}`;
  const url = new URL(text);
  if (url.username || url.password || text.includes('@')) {
    return `holds credentials: put them into ${credentials}`;
  }
  const form = path ? /^https?:\/\/[^/?#]+:\d+(?:\/[^?#]*)?$/u : /^https?:\/\/[^/?#]+:\d+\/?$/u;
  if (!form.test(text))
    return `must be scheme, host and port${path ? ', a path,' : ''} and nothing more, such as ${example}`;
  return undefined;
}

/** A refinement of options that hold both or neither of `username` and `password`. */
export function credentialsComeTogether(
  options: { readonly username?: string | undefined; readonly password?: string | undefined },
  issues: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  if ((options.username === undefined) === (options.password === undefined)) return;
  const path = [options.username === undefined ? 'username' : 'password'];
  issues.addIssue({ code: 'custom', path, message: 'is missing: username and password come together' });
}
