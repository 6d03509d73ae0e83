import type { AddressInfo, Server } from 'node:net';
import { abortError, RegistryError } from '@rollcall/core';

/**
 * Where the server listens, as soon as it does.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` when it fails to, closes before, or listens on no port; `DEADLINE_EXCEEDED` after
 * `timeoutMs`; `ABORTED` or the signal's reason when that ends the wait.
 */
export function whenListening(server: Server, timeoutMs: number, signal: AbortSignal): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const settle = (error: RegistryError | undefined) => {
      clearTimeout(timer);
      server.off('listening', onListening);
      server.off('error', onError);
      server.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else portOf(server, resolve, reject);
    };
    const onListening = () => settle(undefined);
    const onError = (error: Error) =>
      settle(refuse(`failed to listen (${error.message}), and was not announced`, error));
    const onClose = () => settle(refuse('was closed before it listened, and was not announced'));
    const onAbort = () => settle(abortError(signal, 'announce a server that is about to listen'));
    const timer = setTimeout(() => {
      const message = `the server didn't listen within ${timeoutMs} ms, and was not announced: call its listen() before you await announce()`;
      settle(new RegistryError('DEADLINE_EXCEEDED', message));
    }, timeoutMs);
    server.on('listening', onListening);
    server.on('error', onError);
    server.on('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (server.listening) onListening();
  });
}

function portOf(
  server: Server,
  resolve: (address: AddressInfo) => void,
  reject: (error: RegistryError) => void,
): void {
  const address = server.address();
  if (address !== null && typeof address === 'object') resolve(address);
  else reject(refuse('listens on no port, and callers could not reach it: let it listen on one'));
}

function refuse(problem: string, cause?: Error): RegistryError {
  return new RegistryError('INVALID_ARGUMENT', `server ${problem}`, {
    field: 'server',
    ...(cause && { cause }),
  });
}
