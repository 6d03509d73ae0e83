import { Etcd3, type IKeyValue, type IWatchResponse } from 'etcd3';
import { machineMs } from './machine-ms.ts';

/** One change: when it came, and when readers had it, by the machine's monotonic clock in milliseconds. */
export interface Arrival {
  readonly entry: IKeyValue;
  readonly receivedAt: number;
  readonly visibleAt: number;
}

/** What came from etcd's watches in this process, and when it was seen. */
export interface Arrivals {
  readonly seen: readonly Arrival[];
  /** Everything up to this revision can be read now. */
  visible(revision: bigint): void;
  forget(): void;
}

/**
 * Notes the moment at which gRPC hands a watch's decoded message to its stream, whoever reads that stream. So the
 * adapter and a bare client are measured from the same spot, at the same small cost.
 */
export async function recordArrivals(endpoints: readonly string[]): Promise<Arrivals> {
  const waiting: { readonly revision: bigint; readonly entry: IKeyValue; readonly receivedAt: number }[] = [];
  let seen: Arrival[] = [];
  const stream = await streamPrototype(endpoints);
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the stream that it is for
  const push = stream.push;
  stream.push = function (this: StreamPrototype, message: IWatchResponse | null) {
    if (message && 'events' in message) {
      const receivedAt = machineMs();
      for (const { kv } of message.events)
        waiting.push({ revision: BigInt(kv.mod_revision), entry: kv, receivedAt });
    }
    return push.call(this, message);
  };
  return {
    get seen() {
      return seen;
    },
    visible(revision) {
      const visibleAt = machineMs();
      const until = waiting.findIndex((arrival) => arrival.revision > revision);
      for (const { entry, receivedAt } of waiting.splice(0, until === -1 ? waiting.length : until))
        seen.push({ entry, receivedAt, visibleAt });
    },
    forget() {
      waiting.length = 0;
      seen = [];
    },
  };
}

interface StreamPrototype {
  push(message: IWatchResponse | null): boolean;
}

/** The class of gRPC's streams isn't exported: a stream that is opened for it has it. */
async function streamPrototype(endpoints: readonly string[]): Promise<StreamPrototype> {
  const client = new Etcd3({ hosts: [...endpoints] });
  const stream = await client.watchClient.watch();
  stream.on('error', () => {});
  stream.cancel();
  client.close();
  return Object.getPrototypeOf(stream) as StreamPrototype;
}
