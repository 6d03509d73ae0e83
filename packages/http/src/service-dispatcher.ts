import { RegistryError, type Registry } from '@rollcall/core';
import { Agent, Dispatcher } from 'undici';
import { Call, TIMEOUT_MS } from './call.ts';
import { CallError } from './call-error.ts';
import { CalledService } from './called-service.ts';
import { Deadlines } from './deadlines.ts';
import { checkOptions, type HttpOptions } from './options.ts';
import { type RequestHandler, requestHandler } from './request-handler.ts';

interface Target {
  readonly service: CalledService;
  /** Without credentials. */
  readonly origin: string;
  readonly isSecure: boolean;
  readonly host: string;
}

/** So many origins are known by heart. */
const KNOWN_ORIGINS = 1_000;

/**
 * An undici dispatcher that knows services by name: `http://user-service/users/42` goes to an instance of `user-service`. What isn't
 * a service's URL is called as it stands.
 *
 * ```ts
 * const dispatcher = new ServiceDispatcher(registry);
 * const { body } = await request('http://user-service/users/42', { dispatcher });
 * ```
 */
export class ServiceDispatcher extends Dispatcher {
  readonly #registry: Registry;
  readonly #options: HttpOptions;
  readonly #agent: Agent;
  readonly #deadlines: Deadlines | undefined;
  readonly #services = new Map<string, CalledService>();
  readonly #targets = new Map<string, Target | undefined>();
  /** Calls under way. */
  #running = 0;
  #whenIdle: (() => void) | undefined;
  #end: Promise<void> | undefined;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(registry: Registry, options: HttpOptions = {}) {
    super();
    checkOptions(options);
    this.#registry = registry;
    this.#options = options;
    const { timeoutMs = TIMEOUT_MS, connections: { connectTimeoutMs = 2_000, keepAliveMs } = {} } = options;
    if (timeoutMs > 0) this.#deadlines = new Deadlines(timeoutMs);
    this.#agent = new Agent({
      connectTimeout: connectTimeoutMs,
      ...(keepAliveMs !== undefined && { keepAliveTimeout: keepAliveMs }),
    });
  }

  /** What is known of a service's instances here: who is called, ejected, how fast. `undefined` before its first call. */
  balancerOf(service: string): CalledService['balancer'] | undefined {
    return this.#services.get(service)?.balancer;
  }

  override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    let target: Target | undefined;
    try {
      target = this.#targetOf(String(request.origin ?? ''));
    } catch (error) {
      refuse(requestHandler(handler), error as Error);
      return false;
    }
    if (!target) return this.#agent.dispatch(request, handler);
    const { service, origin, isSecure, host } = target;
    const ours = requestHandler(handler);
    if (this.#end) {
      refuse(ours, new CallError('CLOSED', service.name, 'the dispatcher is closed'));
      return false;
    }
    this.#running++;
    new Call({
      service,
      origin,
      isSecure,
      host,
      options: this.#options,
      request,
      handler: ours,
      deadlines: this.#deadlines,
      onEnd: this.#onEnd,
    }).start();
    return true;
  }

  /** Takes no more calls, and ends when those under way have. */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    this.#end ??= this.#finish();
    return told(this.#end, callback);
  }

  /** Cuts the calls under way. */
  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | undefined {
    const callback = typeof first === 'function' ? first : second;
    const error = first instanceof Error ? first : new Error('the dispatcher was destroyed');
    const end = this.#eachEnds((each) => each.destroy(error));
    this.#end ??= end;
    return told(end, callback);
  }

  async #eachEnds(end: (each: CalledService | Agent) => Promise<void>): Promise<void> {
    await Promise.all([...this.#services.values(), this.#agent].map(end));
  }

  readonly #onEnd = (): void => {
    if (--this.#running === 0) this.#whenIdle?.();
  };

  async #finish(): Promise<void> {
    // A call may still want a connection, to be tried again.
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.#eachEnds((each) => each.close());
  }

  #targetOf(origin: string): Target | undefined {
    if (this.#targets.has(origin)) return this.#targets.get(origin);
    if (this.#targets.size >= KNOWN_ORIGINS) this.#targets.clear();
    const target = this.#readTarget(origin);
    this.#targets.set(origin, target);
    return target;
  }

  #readTarget(origin: string): Target | undefined {
    if (!URL.canParse(origin)) throw new RegistryError('INVALID_ARGUMENT', `${origin} is no URL`);
    const url = new URL(origin);
    const name = (this.#options.serviceOf ?? serviceOf)(url);
    if (name === undefined) return undefined;
    if (!/^https?:$/u.test(url.protocol))
      throw new RegistryError('INVALID_ARGUMENT', `${origin}: a service is called by http or https`);
    let service = this.#services.get(name);
    if (!service) {
      try {
        service = new CalledService(name, this.#registry, this.#options);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new CallError('NO_LIST', name, `it can't be looked up: ${why}`, error);
      }
      this.#services.set(name, service);
    }
    const { protocol, host } = url;
    return { service, origin: `${protocol}//${host}`, isSecure: protocol === 'https:', host };
  }
}

function serviceOf({ hostname, port }: URL): string | undefined {
  const isService = port === '' && !/[.:]/u.test(hostname) && hostname !== 'localhost';
  return isService ? hostname : undefined;
}

/** As undici has it: a promise, or a callback. */
function told(end: Promise<void>, callback: (() => void) | undefined): Promise<void> | undefined {
  if (!callback) return end;
  void (async () => {
    await end;
    callback();
  })();
  return undefined;
}

/** Ends a call before it begins. */
function refuse(handler: RequestHandler, error: Error): void {
  handler.onConnect(() => {}, {});
  handler.onError(error);
}
