import { measure, do_not_optimize } from 'mitata';
import protobuf from 'protobufjs';
import {
  decodeInstance,
  encodeInstance,
  instanceFromWire,
  type InstanceSpec,
  type ServiceInstance,
} from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { gc, liveBytes } from '../collect-garbage.ts';
import { sampleInstances } from '../sample-instances.ts';
import { median } from '../statistics.ts';

const SERVICE = 'user-service';
const MB = 1_000_000;

/** The same fields as the JSON layout: what the key says is left out here too. */
const PROTO = `
  syntax = "proto3";
  message Instance {
    string host = 1;
    uint32 port = 2;
    optional string status = 3;
    optional double weight = 4;
    optional string scheme = 5;
    optional string version = 6;
    optional string zone = 7;
    repeated string tags = 8;
    map<string, string> metadata = 9;
    repeated string endpoints = 10;
  }`;

export const wireFormat: Bench = {
  name: 'wire-format',
  title: 'The wire format: JSON beside Protobuf',
  async run({ quick, progress, fresh }) {
    const instances = sampleInstances(SERVICE, 1_000);
    const json = instances.map(toJson);
    const binary = instances.map(toProtobuf);
    const average = (buffers: readonly Buffer[]) =>
      buffers.reduce((sum, { length }) => sum + length, 0) / buffers.length;

    progress('encoding and decoding');
    const rates = await ratesInTurns(
      {
        encodeJson: over(instances, toJson),
        encodeProtobuf: over(instances, toProtobuf),
        parseJson: over(json, (buffer) => JSON.parse(buffer.toString()) as unknown),
        parseProtobuf: over(binary, (buffer) => Instance().decode(buffer)),
        decodeJson: over(json, fromJson),
        decodeProtobuf: over(binary, fromProtobuf),
      },
      quick,
    );
    const count = quick ? 1_000 : 10_000;
    const peaks: Record<Format, ListMemory[]> = { json: [], protobuf: [] };
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const format of ['json', 'protobuf'] as const) {
        progress(`decoding a list of ${count} in ${format}`);
        peaks[format].push(await fresh<ListMemory>(import.meta.url, 'listMemory', { format, count }));
      }
    }
    const peak = (format: Format) => median(peaks[format].map(({ peakBytes }) => peakBytes)) / MB;
    const held = (format: Format) => median(peaks[format].map(({ heldBytes }) => heldBytes)) / MB;
    const beside = (figure: number) => ({ name: 'Protobuf', figure });
    const list = `a list of ${count.toLocaleString('en')}`;
    return {
      rows: [
        row({ what: 'an instance', unit: 'bytes', ours: average(json), peer: beside(average(binary)) }),
        row({
          what: 'encode',
          unit: 'instances/s',
          ours: rates.encodeJson,
          peer: beside(rates.encodeProtobuf),
        }),
        row({
          what: 'parse only',
          unit: 'instances/s',
          ours: rates.parseJson,
          peer: beside(rates.parseProtobuf),
        }),
        row({
          what: 'decode to a checked, frozen instance',
          unit: 'instances/s',
          ours: rates.decodeJson,
          peer: beside(rates.decodeProtobuf),
        }),
        row({
          what: 'decode to a checked, frozen instance',
          unit: 'instances/s',
          ours: rates.decodeJson,
          peer: { name: 'bare JSON.parse', figure: rates.parseJson },
        }),
        row({
          what: `peak heap while ${list} is decoded`,
          unit: 'MB',
          ours: peak('json'),
          peer: beside(peak('protobuf')),
        }),
        row({ what: `heap held by ${list}`, unit: 'MB', ours: held('json'), peer: beside(held('protobuf')) }),
      ],
      notes: [
        'Both from and to a `Buffer`, as registries give and take them. Protobuf is protobufjs with its generated codec; its schema has the fields of the JSON layout.',
        'Peak: the most the used heap grew over the live heap before, garbage included, looked at after every 100 instances, in a process of its own; medians of five.',
      ],
    };
  },
};

type Format = 'json' | 'protobuf';

/** What decoding one list takes. */
export interface ListMemory {
  readonly peakBytes: number;
  readonly heldBytes: number;
}

/** Decodes a list of `count` instances and keeps it. */
export function listMemory({
  format,
  count,
}: {
  readonly format: Format;
  readonly count: number;
}): ListMemory {
  const [encode, decode] = format === 'json' ? [toJson, fromJson] : [toProtobuf, fromProtobuf];
  const buffers = sampleInstances(SERVICE, count).map((instance) => encode(instance));
  for (const buffer of buffers.slice(0, 500)) decode(buffer, 0);
  const before = liveBytes();
  let peakBytes = 0;
  const list = buffers.map((buffer, i) => {
    if (i % 100 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed - before);
    return decode(buffer, i);
  });
  peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed - before);
  const heldBytes = liveBytes() - before;
  if (list.length !== count) throw new Error('some are missing');
  return { peakBytes, heldBytes };
}

let type: protobuf.Type | undefined;

function Instance(): protobuf.Type {
  return (type ??= protobuf.parse(PROTO).root.lookupType('Instance'));
}

function toJson(instance: ServiceInstance): Buffer {
  return Buffer.from(encodeInstance(instance));
}

function fromJson(buffer: Buffer, i: number): ServiceInstance {
  return decodeInstance(buffer.toString(), { namespace: 'default', service: SERVICE, id: `${SERVICE}-${i}` });
}

function toProtobuf({ status, weight, ...instance }: ServiceInstance): Buffer {
  const message = { ...instance, ...(status !== 'UP' && { status }), ...(weight !== 1 && { weight }) };
  const { buffer, byteOffset, length } = Instance().encode(message).finish();
  return Buffer.from(buffer, byteOffset, length);
}

function fromProtobuf(buffer: Buffer, i: number): ServiceInstance {
  // A decoded message has its own fields only where they were on the wire, so that a spread leaves the rest out.
  const message = Instance().decode(buffer) as unknown as InstanceSpec;
  return instanceFromWire({ ...message, namespace: 'default', service: SERVICE, id: `${SERVICE}-${i}` });
}

/** Goes through the items, one for each call. */
function over<Item>(items: readonly Item[], use: (item: Item, i: number) => unknown): () => void {
  let at = 0;
  return () => {
    at = (at + 1) % items.length;
    do_not_optimize(use(items[at] as Item, at));
  };
}

/** Calls a second. They take turns, so that what else the machine does hits all alike. */
async function ratesInTurns<Name extends string>(
  calls: Readonly<Record<Name, () => void>>,
  quick: boolean,
): Promise<Record<Name, number>> {
  const names = Object.keys(calls) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    for (const name of names) {
      gc();
      const { avg } = await measure(calls[name], { min_cpu_time: quick ? 5e6 : 300e6 });
      taken[name].push(avg);
    }
  }
  return Object.fromEntries(names.map((name) => [name, 1e9 / median(taken[name])])) as Record<Name, number>;
}
