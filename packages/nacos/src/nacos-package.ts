import { createRequire } from 'node:module';
import { RegistryError } from '@rollcall/core';
import type { WireInstance } from './wire-instance.ts';

/** A request as the package writes it. The server in its URL means nothing: whom to ask, {@link Send} knows. */
export interface WrittenRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the context path, such as `['v1', 'ns', 'instance', 'list']`. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** Makes a request, and gives the text of a good answer. */
export type Send = (request: WrittenRequest) => Promise<string>;

/** What is used of the class that speaks the HTTP API in the npm package `nacos`. */
export interface NamingProxy {
  registerService(name: string, group: string, instance: NewInstance): Promise<unknown>;
  deregisterService(name: string, instance: PlacedInstance): Promise<unknown>;
  queryList(name: string, clusters: string, udpPort: number, healthyOnly: boolean): Promise<string>;
  sendBeat(beat: Omit<PlacedInstance, 'ephemeral'> & { readonly serviceName: string }): Promise<number>;
  getServiceList(page: number, pageSize: number, group: string): Promise<{ readonly data: unknown }>;
}

export type PlacedInstance = Pick<WireInstance, 'ip' | 'port' | 'clusterName'> & {
  readonly ephemeral: boolean;
};

export type NewInstance = PlacedInstance &
  Pick<WireInstance, 'weight' | 'healthy' | 'metadata'> & { readonly enabled: true };

/**
 * The part of the npm package `nacos` that speaks Nacos' first HTTP API, without what surrounds it there: its beats, its
 * cache, its UDP port. It writes requests and reads answers; who sends them is given, with each call. So there are no tries
 * out of sight, no credentials in a URL, no swallowed failure, and a deadline for all.
 */
export class NacosPackage {
  readonly #proxy: object;

  /** @throws {RegistryError} `INVALID_CONFIG` when the package isn't installed, or not one that is known. */
  constructor() {
    // One that never answers: each call goes by `send`.
    this.#proxy = new (proxyClass())({ logger: SILENT, serverList: ['nacos'] });
  }

  /** @throws what `send` throws, whatever the package makes of it. */
  async call<T>(namespaceId: string, use: (naming: NamingProxy) => Promise<T>, send: Send): Promise<T> {
    const failures: unknown[] = [];
    const request = async (
      url: string,
      { method, data }: { readonly method: WrittenRequest['method']; readonly data: WrittenRequest['query'] },
    ) => {
      try {
        const path = new URL(url).pathname.split('/').slice(CONTEXT.length);
        return { status: 200, data: await send({ method, path, query: data }) };
      } catch (error) {
        failures.push(error);
        throw error;
      }
    };
    const naming = Object.create(this.#proxy, {
      namespace: { value: namespaceId },
      httpclient: { value: { request } },
      // Else it would look in the environment for keys of Alibaba's cloud, and sign with them.
      _checkSignature: { value: () => Promise.resolve() },
    }) as NamingProxy;
    const outcome = await use(naming).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (failures.length > 0) throw failures[0];
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }
}

/** The path of the package's URLs up to what is used of it: `/nacos/`. */
const CONTEXT = ['', 'nacos'];

const ignore = (): void => {};
/** It logs instances with their metadata, and every failure, which is thrown as well. */
const SILENT = { info: ignore, warn: ignore, error: ignore, debug: ignore };

type ProxyClass = new (options: { readonly logger: typeof SILENT; readonly serverList: string[] }) => object;

/** It isn't exported: the class that is has a UDP port open and beats from its first moment on. */
function proxyClass(): ProxyClass {
  const require = createRequire(import.meta.url);
  let found: unknown;
  try {
    found = createRequire(require.resolve('nacos'))('nacos-naming/lib/naming/proxy.js');
  } catch (cause) {
    throw unusable('which is not installed', cause);
  }
  if (!isProxyClass(found)) throw unusable('but the one that is installed is not known');
  return found;
}

const METHODS = [
  'registerService',
  'deregisterService',
  'queryList',
  'sendBeat',
  'getServiceList',
] as const satisfies readonly (keyof NamingProxy)[];

function isProxyClass(found: unknown): found is ProxyClass {
  if (typeof found !== 'function') return false;
  const { prototype } = found as { readonly prototype: Partial<NamingProxy> };
  return METHODS.every((name) => typeof prototype[name] === 'function');
}

function unusable(what: string, cause?: unknown): RegistryError {
  const message = `transport: http of Nacos needs the package nacos, ${what}: npm install nacos@2.6.3`;
  return new RegistryError('INVALID_CONFIG', message, { cause });
}
