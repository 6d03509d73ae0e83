import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type Gateway, type GatewayOptions } from '../../src/index.ts';

/** What a gateway answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A gateway on a store of its own, and requests to it. */
export interface RunningGateway {
  readonly gateway: Gateway;
  readonly url: string;
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<Answer>;
  /** Closes it, and removes its folder. */
  close(): Promise<void>;
}

export async function runGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-gateway-'));
  const registry = { type: 'store', options: { path: join(folder, 'data') } };
  const gateway = await startGateway({
    port: 0,
    cwd: folder,
    env: {},
    ...options,
    config: { registry, log: { level: 'error' }, ...options.config },
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    gateway,
    url: gateway.url,
    call: (method, path, { body, headers } = {}) =>
      callGateway(`${gateway.url}${path}`, { method, body, headers }),
    async close() {
      await gateway.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function callGateway(
  url: string,
  {
    method,
    body,
    headers,
  }: { method: string; body: unknown; headers?: Readonly<Record<string, string>> | undefined },
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
