import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type Gateway } from '@rollcall/gateway';
import { Pool } from 'undici';
import { row, type Bench } from '../bench.ts';
import { gc } from '../collect-garbage.ts';
import { stayingProcess } from '../staying-process.ts';
import { median } from '../statistics.ts';

const LISTED = 100;
const IN_FLIGHT = 64;
const LIST = '/v1/namespaces/default/services/users/instances';

export const gateway: Bench = {
  name: 'gateway',
  title: 'The gateway, on its embedded store',
  async run({ quick, progress }) {
    const sizes = quick ? ([50, 100] as const) : ([1_000, 10_000] as const);
    const seconds = quick ? 0.5 : 5;
    const rounds = quick ? 2 : 10;
    const host = await stayingProcess<GatewayHost>(import.meta.url, 'gatewayHost', {});
    try {
      const { url, bare } = await host.call('start');
      const client = new Client(url);
      await client.begin();
      progress('registering');
      for (let i = 0; i < LISTED; i++) await client.put(`users/instances/listed-${i}`, 1);
      let registered = 0;
      const registrations = await perSecond(seconds, () => client.put(`many/instances/${registered++}`, 1));
      progress('looking up');
      const lookups = await perSecond(seconds, () => client.get(LIST));
      const bareClient = new Client(bare);
      const bareLookups = await perSecond(seconds, () => bareClient.get('/'));
      await bareClient.close();
      const told: number[] = [];
      let bytes = 0;
      const watchers: Watcher[] = [];
      const before = await host.call('memory');
      for (const size of sizes) {
        progress(`${size} watchers`);
        while (watchers.length < size) {
          const some = Math.min(100, size - watchers.length);
          watchers.push(...(await Promise.all(Array.from({ length: some }, () => openWatcher(url)))));
        }
        bytes = ((await host.call('memory')) - before) / size;
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const mark = `"weight":${1_000 + round + size}`;
          const seen = Promise.all(watchers.map((watcher) => watcher.sees(mark)));
          const began = performance.now();
          await client.put('watched/instances/one', 1_000 + round + size);
          await seen;
          times.push(performance.now() - began);
        }
        told.push(median(times));
      }
      for (const { socket } of watchers) socket.destroy();
      await client.close();
      const [few = 0, many = 0] = told;
      return {
        rows: [
          row({
            what: 'registrations, each on the disk when it is answered',
            unit: 'a second',
            ours: registrations,
          }),
          row({
            what: `lookups of a list of ${LISTED}`,
            unit: 'a second',
            ours: lookups,
            peer: { name: 'node:http with the same text', figure: bareLookups },
          }),
          row({ what: `one change, until the last of ${sizes[0]} watchers has it`, unit: 'ms', ours: few }),
          row({ what: `one change, until the last of ${sizes[1]} watchers has it`, unit: 'ms', ours: many }),
          // Of so few as a quick run has, the memory can't be told from noise.
          ...(quick
            ? []
            : [
                row({
                  what: `memory of the gateway for each of ${sizes[1]} watchers`,
                  unit: 'KB',
                  ours: bytes / 1_024,
                }),
              ]),
        ],
        notes: [
          `The gateway is a process of its own without access control and rates, the clients are another on the same machine, with ${IN_FLIGHT} requests in flight.`,
          'A change is timed from the request that makes it to the last watcher that has read it, the write to the disk included.',
          'Memory is resident memory after a collection, sockets in the kernel left out.',
        ],
      };
    } finally {
      await host.call('close').catch(() => {});
      await host.end();
    }
  },
};

/** The gateway's side: also a server that does nothing but answer. */
export class GatewayHost {
  #gateway: Gateway | undefined;
  #bare: Server | undefined;
  #folder = '';

  async start(): Promise<{ readonly url: string; readonly bare: string }> {
    this.#folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
    this.#gateway = await startGateway({
      port: 0,
      cwd: this.#folder,
      env: {},
      tracer: false,
      limits: { perAddress: false, perPrincipal: false, streams: 20_000, streamsPerPrincipal: 20_000 },
      config: { registry: { options: { path: join(this.#folder, 'data') } }, log: { level: 'error' } },
    });
    const instance = {
      namespace: 'default',
      service: 'users',
      id: 'listed-10',
      host: '10.0.0.7',
      port: 8080,
    };
    const list = Array.from({ length: LISTED }, () => ({ ...instance, status: 'UP', weight: 1 }));
    const text = JSON.stringify({ instances: list, skipped: [], revision: '100', ageMs: 10 });
    const bare = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.end(text);
    });
    this.#bare = bare;
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
    return { url: this.#gateway.url, bare: `http://127.0.0.1:${(bare.address() as AddressInfo).port}` };
  }

  memory(): number {
    gc();
    gc();
    return process.memoryUsage.rss();
  }

  async close(): Promise<void> {
    this.#bare?.closeAllConnections();
    this.#bare?.close();
    await this.#gateway?.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Part of the bench: what its process runs. */
export function gatewayHost(): GatewayHost {
  return new GatewayHost();
}

class Client {
  readonly #pool: Pool;
  #lease = '';

  constructor(url: string) {
    this.#pool = new Pool(url, { connections: IN_FLIGHT });
  }

  async begin(): Promise<void> {
    const { body } = await this.#pool.request({
      method: 'POST',
      path: '/v1/leases',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ttlMs: 3_600_000 }),
    });
    this.#lease = ((await body.json()) as { id: string }).id;
  }

  async put(path: string, weight: number): Promise<void> {
    const { statusCode, body } = await this.#pool.request({
      method: 'PUT',
      path: `/v1/namespaces/default/services/${path}`,
      headers: { 'content-type': 'application/json', 'rollcall-lease': this.#lease },
      body: JSON.stringify({ host: '10.0.0.7', port: 8080, weight }),
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`${statusCode} ${text}`);
  }

  async get(path: string): Promise<void> {
    const { statusCode, body } = await this.#pool.request({ method: 'GET', path });
    await body.text();
    if (statusCode !== 200) throw new Error(String(statusCode));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

interface Watcher {
  readonly socket: Socket;
  /** Resolves when this text has come. */
  sees(text: string): Promise<void>;
}

/** A bare socket: the client's own work must not be what is timed. */
function openWatcher(url: string): Promise<Watcher> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setEncoding('latin1');
  let last = '';
  let wanted: { readonly text: string; readonly resolve: () => void } | undefined;
  const sees = (text: string) => new Promise<void>((resolve) => (wanted = { text, resolve }));
  socket.on('data', (part: string) => {
    last = (last + part).slice(-1_000);
    if (!wanted || !last.includes(wanted.text)) return;
    wanted.resolve();
    wanted = undefined;
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    const first = sees('event: list');
    socket.write('GET /v1/namespaces/default/services/watched/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    void first.then(() => resolve({ socket, sees }));
  });
}

/** How often it is done in a second, with {@link IN_FLIGHT} under way at once. */
async function perSecond(seconds: number, run: () => Promise<void>): Promise<number> {
  const began = performance.now();
  const end = began + seconds * 1_000;
  let done = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() < end) {
        await run();
        done++;
      }
    }),
  );
  return (done / (performance.now() - began)) * 1_000;
}
