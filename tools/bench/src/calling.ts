import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createRegistry, memoryAdapter, MemoryStore } from '@rollcall/core';
import { createFetch, type HttpOptions } from '@rollcall/http';
import type { Dispatcher } from 'undici';

/** So many calls are under way at any time. */
export const CONCURRENCY = 50;

/** Makes so many calls, {@link CONCURRENCY} at a time. */
export async function many(count: number, call: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async () => {
    // oxlint-disable-next-line no-await-in-loop -- a lane makes one call after the other
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

export interface TestedCaller {
  readonly url: string;
  readonly dispatcher: Dispatcher;
  readonly fetch: (url: string) => Promise<{ text(): Promise<string> }>;
  close(): Promise<void>;
}

/** Calls by name, through a registry in memory that lists the servers. */
export async function ourCaller(
  servers: readonly RunningServer[],
  options: HttpOptions = {},
): Promise<TestedCaller> {
  const adapter = memoryAdapter({ store: new MemoryStore() });
  const registry = await createRegistry({ env: {}, config: { log: { level: 'silent' } }, adapter });
  const listed = servers.map(({ port }) =>
    registry.register({ service: 'hello', host: '127.0.0.1', port }).listed(),
  );
  await Promise.all(listed);
  const fetch = createFetch(registry, options);
  const close = async () => {
    await fetch.close();
    await registry.close();
  };
  return { url: 'http://hello/', dispatcher: fetch.dispatcher, fetch, close };
}

export interface RunningServer {
  readonly port: number;
  stop(): void;
}

const SERVER = `require('node:http').createServer((_, response) => response.end('hello'))
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });
process.stdin.resume().on('end', () => process.exit());`;

/** It ends with this process. */
export async function startServer(): Promise<RunningServer> {
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { port: Number(line), stop: () => void child.kill() };
}
