import { Etcd3, type IKeyValue } from 'etcd3';
import { startRegistry } from '@rollcall-tools/registries';
import { etcdAdapter } from '@rollcall/etcd';
import { row, type Bench } from '../bench.ts';
import { eachOf } from '../each-of.ts';
import { etcdEntry, servicePrefix } from '../etcd-keys.ts';
import { inFreshProcess } from '../fresh-process.ts';
import { machineMs } from '../machine-ms.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { sampleInstance, sampleSpec } from '../sample-instances.ts';
import { percentile } from '../statistics.ts';
import { recordArrivals, type Arrivals } from '../watch-arrivals.ts';

const SERVICE = 'user-service';
const PER_SECOND = 1_000;

export const etcdWatch: Bench = {
  name: 'etcd-watch',
  title: 'From an event of etcd to what readers see',
  server: 'etcd',
  async run({ quick, progress, fresh }) {
    const instances = quick ? 500 : 10_000;
    const seconds = quick ? 1 : 15;
    const etcd = await startRegistry('etcd', { own: true, progress });
    try {
      const input: Input = { endpoints: etcd.endpoints, instances, seconds };
      progress(`writing ${instances} instances`);
      await fresh(import.meta.url, 'fill', input);
      progress(`${PER_SECOND} changes a second, seen through Rollcall`);
      const ours = await fresh<Latencies>(import.meta.url, 'watchOurs', input);
      progress(`${PER_SECOND} changes a second, seen through bare etcd3`);
      const bare = await fresh<Latencies>(import.meta.url, 'watchBare', input);
      const peer = (figure: number) => ({ name: 'bare etcd3: watcher, Map, frozen array', figure });
      const p99 = percentile(ours.received, 0.99);
      return {
        rows: [
          row({
            what: 'event received → snapshot visible, p50',
            unit: 'ms',
            ours: percentile(ours.received, 0.5),
            peer: peer(percentile(bare.received, 0.5)),
          }),
          row({
            what: 'event received → snapshot visible, p99',
            unit: 'ms',
            ours: p99,
            peer: peer(percentile(bare.received, 0.99)),
            target: { text: 'under 5 ms', met: p99 < 5 },
          }),
          row({
            what: 'put sent by another process → visible, p50',
            unit: 'ms',
            ours: percentile(ours.sent, 0.5),
            peer: peer(percentile(bare.sent, 0.5)),
          }),
          row({
            what: 'put sent by another process → visible, p99',
            unit: 'ms',
            ours: percentile(ours.sent, 0.99),
            peer: peer(percentile(bare.sent, 0.99)),
          }),
          row({
            what: 'CPU of the reading process, a change',
            unit: 'ms',
            ours: ours.cpuMs / ours.received.length,
            peer: peer(bare.cpuMs / bare.received.length),
          }),
        ],
        notes: [
          `${instances.toLocaleString('en')} instances, ${PER_SECOND.toLocaleString('en')} changes a second for ${seconds} s; ${ours.received.length.toLocaleString('en')} changes measured (bare: ${bare.received.length.toLocaleString('en')}). after a fifth of that to warm up. etcd, writer and reader are three processes on this machine.`,
          'Received: gRPC handed the decoded message to its stream, the same spot for both.',
        ],
      };
    } finally {
      await etcd.stop();
    }
  },
};

interface Input {
  readonly endpoints: readonly string[];
  readonly instances: number;
  readonly seconds: number;
}

/** In milliseconds, one for each change. */
export interface Latencies {
  readonly received: readonly number[];
  readonly sent: readonly number[];
  readonly cpuMs: number;
}

/** Writes every instance once. */
export async function fill({ endpoints, instances }: Input): Promise<void> {
  const client = new Etcd3({ hosts: [...endpoints] });
  await eachOf(instances, 64, async (i) => {
    const { key, value } = etcdEntry(sampleInstance(SERVICE, i));
    await client.put(key).value(value);
  });
  client.close();
}

/** Changes one instance after the other at an even rate, whether or not earlier writes were answered. */
export async function change({ endpoints, instances, seconds }: Input): Promise<void> {
  const client = new Etcd3({ hosts: [...endpoints] });
  const writes: Promise<unknown>[] = [];
  const start = performance.now();
  for (let i = 0; i < seconds * PER_SECOND; i++) {
    // Those that fall due within one timer's tick go together: a busy wait would take a core from those measured.
    while (performance.now() < start + (i * 1_000) / PER_SECOND)
      await new Promise((resolve) => setTimeout(resolve, 1));
    writes.push(changeOne(client, i % instances));
  }
  await Promise.all(writes);
  client.close();
}

async function changeOne(client: Etcd3, i: number): Promise<void> {
  const spec = sampleSpec(SERVICE, i);
  const instance = {
    ...sampleInstance(SERVICE, i),
    metadata: { ...spec.metadata, sentAt: String(machineMs()) },
  };
  const { key, value } = etcdEntry(instance);
  await client.put(key).value(value);
}

/** Through Rollcall: visible when a subscriber has the snapshot. */
export async function watchOurs(input: Input): Promise<Latencies> {
  const arrivals = await recordArrivals(input.endpoints);
  const registry = await measuredRegistry(etcdAdapter({ endpoints: [...input.endpoints] }));
  const view = registry.service(SERVICE);
  const { instances } = await view.load({ timeoutMs: 60_000 });
  if (instances.length !== input.instances) throw new Error(`${instances.length} instances are listed`);
  const end = view.subscribe(({ revision }) => {
    if (revision !== undefined) arrivals.visible(BigInt(revision));
  });
  const latencies = await whileChanging(input, arrivals);
  end();
  await registry.close();
  return latencies;
}

/** What one would write by hand on etcd3, for the same frozen list. */
export async function watchBare(input: Input): Promise<Latencies> {
  const arrivals = await recordArrivals(input.endpoints);
  const client = new Etcd3({ hosts: [...input.endpoints] });
  const prefix = servicePrefix(SERVICE);
  const { header, kvs } = await client.getAll().prefix(prefix).exec();
  const table = new Map(
    kvs.map(({ key, value }) => [key.toString(), JSON.parse(value.toString()) as unknown]),
  );
  if (table.size !== input.instances) throw new Error(`${table.size} instances are listed`);
  let list: readonly unknown[] = [...table.values()];
  const watcher = await client
    .watch()
    .prefix(prefix)
    .startRevision(String(BigInt(header.revision) + 1n))
    .create();
  watcher.on('data', (response) => {
    for (const { type, kv } of response.events) {
      if (type === 'Put') table.set(kv.key.toString(), JSON.parse(kv.value.toString()));
      else table.delete(kv.key.toString());
    }
    list = Object.freeze([...table.values()]);
    arrivals.visible(BigInt(response.header.revision));
  });
  const latencies = await whileChanging(input, arrivals);
  await watcher.cancel();
  client.close();
  if (list.length !== input.instances) throw new Error('the list is not whole');
  return latencies;
}

async function whileChanging(input: Input, arrivals: Arrivals): Promise<Latencies> {
  // A process that runs has compiled its code: what it takes to get there isn't measured.
  await inFreshProcess(import.meta.url, 'change', { ...input, seconds: Math.ceil(input.seconds / 5) });
  await new Promise((resolve) => setTimeout(resolve, 200));
  arrivals.forget();
  const cpu = process.cpuUsage();
  await inFreshProcess(import.meta.url, 'change', input);
  const deadline = performance.now() + 10_000;
  while (arrivals.seen.length < input.seconds * PER_SECOND && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const { user, system } = process.cpuUsage(cpu);
  return {
    received: arrivals.seen.map(({ receivedAt, visibleAt }) => visibleAt - receivedAt),
    sent: arrivals.seen.map(({ entry, visibleAt }) => visibleAt - sentAt(entry)),
    cpuMs: (user + system) / 1_000,
  };
}

function sentAt({ value }: IKeyValue): number {
  const { metadata } = JSON.parse(value.toString()) as { readonly metadata: { readonly sentAt: string } };
  return Number(metadata.sentAt);
}
