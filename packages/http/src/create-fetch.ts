import type { Registry } from '@rollcall/core';
import { fetch as undiciFetch, Request as UndiciRequest, type RequestInit as UndiciInit } from 'undici';
import { CallError } from './call-error.ts';
import type { HttpOptions } from './options.ts';
import { ServiceDispatcher } from './service-dispatcher.ts';

/** `fetch` that knows services by name. */
export interface ServiceFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** What it calls through; for `undici.request`, and to see what is known of instances. */
  readonly dispatcher: ServiceDispatcher;
  /** Takes no more calls, and ends when those under way have. */
  close(): Promise<void>;
}

/**
 * Makes a `fetch` for services: `await fetch('http://user-service/users/42')` is balanced, tried elsewhere when an instance fails, and
 * keeps away from those that do. It rejects as `fetch` does, but with the {@link CallError} itself where no server answered.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault.
 */
export function createFetch(registry: Registry, options: HttpOptions = {}): ServiceFetch {
  const dispatcher = new ServiceDispatcher(registry, options);
  const call = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = typeof input === 'string' || input instanceof URL ? input : ownRequest(input);
    try {
      // Node's types and undici's are the same but for their names.
      const ownInit = Object.assign({}, init, { dispatcher }) as unknown as UndiciInit;
      return await undiciFetch(request, ownInit);
    } catch (error) {
      throw error instanceof TypeError && error.cause instanceof CallError ? error.cause : error;
    }
  };
  return Object.assign(call, { dispatcher, close: () => dispatcher.close() });
}

/** undici's `fetch` takes no request that Node's own class made. */
function ownRequest(request: Request): UndiciRequest {
  const { url, method, headers, body, signal, redirect } = request;
  const init = { method, headers, signal, redirect, ...(body && { body, duplex: 'half' }) };
  return new UndiciRequest(url, init as unknown as UndiciInit);
}
