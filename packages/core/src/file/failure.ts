import { abortError } from '../deadline.ts';
import { RegistryError, toRegistryError } from '../errors.ts';

/**
 * Makes a {@link RegistryError} of what a call of `node:fs` threw.
 *
 * @param doing what was being done, such as `list user-service`; it starts the message.
 * @param dir the registry's folder, for the advice.
 */
export function fsFailure(error: unknown, doing: string, dir: string): RegistryError {
  const code = errno(error);
  if (code === undefined) return toRegistryError(error, doing);
  const at = error instanceof Error && 'path' in error ? String(error.path) : dir;
  const says = (advice: string) => `${doing}: ${code} at ${at}: ${advice}`;
  const options = { cause: error };
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new RegistryError(
        'PERMISSION_DENIED',
        says(`let this user read and write ${dir}, or set registry.options.dir to a folder of its own`),
        options,
      );
    case 'ENOENT':
      return new RegistryError(
        'UNAVAILABLE',
        says(`was the registry's folder ${dir} removed? The next register makes it again`),
        options,
      );
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ELOOP':
      return new RegistryError(
        'UNAVAILABLE',
        says('this is not a folder: remove it, or set registry.options.dir to another folder'),
        options,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new RegistryError('UNAVAILABLE', says('the disk is full: make room on it'), options);
    case 'EMFILE':
    case 'ENFILE':
      return new RegistryError(
        'UNAVAILABLE',
        says('too many open files: raise the limit (ulimit -n)'),
        options,
      );
    case 'ENAMETOOLONG':
      return new RegistryError(
        'UNSUPPORTED',
        says('the file system takes no name of this length: use a shorter one, or another file system'),
        options,
      );
    default:
      return new RegistryError('UNAVAILABLE', says('can the folder be read and written?'), options);
  }
}

/** Node's code of a system error, such as `ENOENT`. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
}

/**
 * Throws when the signal is aborted. Calls of a local file system return in microseconds and can't be taken back,
 * so a call looks at its signal between them.
 */
export function throwIfAborted(signal: AbortSignal, doing: string): void {
  if (signal.aborted) throw abortError(signal, doing);
}
