import { decodeInstance, encodeInstance, type ServiceInstance } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { liveBytes } from '../collect-garbage.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleInstance, serviceNames } from '../sample-instances.ts';

const PER_SERVICE = 1_000;
const MB = 1_000_000;

export const memory: Bench = {
  name: 'memory',
  title: 'Memory held',
  async run({ quick, progress, fresh }) {
    const instances = quick ? 5_000 : 100_000;
    progress(`holding ${instances} instances in a registry`);
    const ours = (await fresh<number>(import.meta.url, 'registryBytes', instances)) / MB;
    progress(`holding ${instances} instances in a Map`);
    const theirs = (await fresh<number>(import.meta.url, 'mapBytes', instances)) / MB;
    return {
      rows: [
        row({
          what: `${instances.toLocaleString('en')} instances in ${instances / PER_SERVICE} services, decoded, watched, with their snapshots`,
          unit: 'MB',
          ours,
          peer: { name: 'a Map of Maps of what JSON.parse gave', figure: theirs },
          target: { text: 'under 100 MB', met: ours < 100 },
        }),
      ],
      notes: [
        'Live heap after a full collection, minus the live heap before, each in a process of its own. 1 MB is 1 000 000 bytes.',
      ],
    };
  },
};

/** What a registry holds live, in bytes, when it follows so many instances. */
export async function registryBytes(instances: number): Promise<number> {
  const names = serviceNames(instances / PER_SERVICE);
  const registry = await measuredRegistry(new PushAdapter((service) => decoded(service)));
  const before = liveBytes();
  for (const name of names) registry.service(name);
  const snapshots = await Promise.all(names.map((name) => registry.service(name).load()));
  const held = snapshots.reduce((sum, snapshot) => sum + snapshot.instances.length, 0);
  const after = liveBytes();
  if (held !== instances) throw new Error(`${held} instances are held, not ${instances}`);
  await registry.close();
  return after - before;
}

/** The same instances as plain parsed JSON. */
export function mapBytes(instances: number): number {
  const before = liveBytes();
  const map = new Map<string, Map<string, unknown>>();
  for (const name of serviceNames(instances / PER_SERVICE)) {
    map.set(
      name,
      new Map(
        Array.from({ length: PER_SERVICE }, (_, i) => {
          const { id, json } = encoded(name, i);
          return [id, JSON.parse(json) as unknown];
        }),
      ),
    );
  }
  const after = liveBytes();
  if (map.size * PER_SERVICE !== instances) throw new Error('some are missing');
  return after - before;
}

function decoded(service: string): readonly ServiceInstance[] {
  return Array.from({ length: PER_SERVICE }, (_, i) => {
    const { id, json } = encoded(service, i);
    return decodeInstance(json, { namespace: 'default', service, id });
  });
}

/** As it comes from the wire: strings of its own, shared with nothing. */
function encoded(service: string, i: number): { readonly id: string; readonly json: string } {
  const instance = sampleInstance(service, i);
  return { id: Buffer.from(instance.id).toString(), json: Buffer.from(encodeInstance(instance)).toString() };
}
