import { readFile } from 'node:fs/promises';
import { RegistryError } from '../errors.ts';

/**
 * Gives the token for one request, from the options `token` or `tokenFile`. A file is read each time, so that whoever replaces the token needs
 * no restart; while it can't be read, or is empty, as in the middle of a replacement, the last one is good.
 *
 * @throws {RegistryError} `INVALID_CONFIG` for a file that could never be read.
 */
export type TokenSource = (signal: AbortSignal) => Promise<string | undefined>;

export function tokenSource(options: {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}): TokenSource {
  const { token, tokenFile } = options;
  if (tokenFile === undefined) return () => Promise.resolve(token);
  let last: string | undefined;
  return async (signal) => {
    let problem: unknown;
    try {
      last = (await readFile(tokenFile, { encoding: 'utf8', signal })).trim() || last;
    } catch (error) {
      signal.throwIfAborted();
      problem = error;
    }
    if (last !== undefined) return last;
    const field = 'registry.options.tokenFile';
    const why = problem instanceof Error && 'code' in problem ? String(problem.code) : 'it is empty';
    throw new RegistryError('INVALID_CONFIG', `${field}: ${why}: give a file that holds the token`, {
      field,
      cause: problem,
    });
  };
}
