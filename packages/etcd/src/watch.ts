import { type ClientDuplexStream, status } from '@grpc/grpc-js';
import { RegistryError } from '@rollcall/core';
import { type IEvent, type IWatchRequest, type IWatchResponse, Range } from 'etcd3';
import type { EtcdClient } from './client.ts';
import type { Rpc } from './endpoint.ts';

/** All changes that etcd tells at once, in their order. */
export interface Changes {
  readonly events: readonly IEvent[];
  readonly revision: string;
}

/**
 * Tells every change of the keys under a prefix after a revision, none twice and none left out. It ends by throwing at
 * the first trouble of any kind, and never resumes.
 *
 * It speaks to etcd's Watch service itself. etcd3's watcher resumes at a revision that skips events, hides that it did,
 * and after a refused watch can't create others; a stream for each watch has no such state to share.
 */
export function watchRange(
  client: EtcdClient,
  prefix: string,
  options: { readonly after: string; readonly doing: string; readonly signal: AbortSignal },
): AsyncGenerator<Changes, never, undefined> {
  const { start, end } = Range.prefix(prefix);
  const request: IWatchRequest = {
    create_request: { key: start, range_end: end, start_revision: String(BigInt(options.after) + 1n) },
  };
  return client.stream(options.doing, options.signal, (rpc, signal) => readStream(rpc, request, signal));
}

async function* readStream(rpc: Rpc, request: IWatchRequest, signal: AbortSignal): AsyncGenerator<Changes> {
  // etcd3's type leaves out that this is gRPC's stream, which can be read with `for await`: a slow reader is not flooded.
  const stream = (await rpc.watch.watch()) as ClientDuplexStream<IWatchRequest, IWatchResponse>;
  let failure: Error | undefined;
  stream.on('error', (error) => (failure ??= error));
  const onAbort = () => stream.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    stream.write(request);
    for await (const response of stream) {
      // What has come already is told as one change: after a burst, the readers above pay for each.
      const responses = [response, ...alreadyThere(stream)];
      const end = responses.find(({ canceled }) => canceled);
      const events = responses.flatMap((each) => each.events);
      // Without events: the answer to the request.
      if (events.length > 0) yield { events, revision: responses.at(-1)?.header.revision ?? '' };
      if (end) throw cancellation(end);
    }
    // An error that came while the reader was busy only ends the loop.
    if (failure) throw failure;
  } finally {
    signal.removeEventListener('abort', onAbort);
    stream.cancel();
  }
}

function* alreadyThere(stream: ClientDuplexStream<IWatchRequest, IWatchResponse>): Generator<IWatchResponse> {
  for (;;) {
    const response = stream.read() as IWatchResponse | null;
    if (response === null) return;
    yield response;
  }
}

/** etcd refuses and ends a watch by an ordinary message, so it is given the form of gRPC's errors. */
function cancellation({ compact_revision: compacted, cancel_reason: reason }: IWatchResponse): Error {
  if (Number(compacted) > 0) {
    return new RegistryError(
      'UNAVAILABLE',
      `watch in etcd: changes before revision ${compacted} are compacted: list again`,
    );
  }
  return Object.assign(new Error(reason), {
    code: status.UNAVAILABLE,
    details: reason || 'the watch is canceled',
  });
}
