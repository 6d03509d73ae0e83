import { InterceptingCall, type Interceptor, status } from '@grpc/grpc-js';
import { type Attributes, type Meter, metrics } from '@opentelemetry/api';
import { systemClock } from '@rollcall/core';
import { boundedServices } from '../bounded-services.ts';
import { ATTRIBUTES, SCOPE } from '../conventions.ts';
import { Durations } from '../durations.ts';
import { type Sum, tally } from '../tally.ts';
import { calledBy } from './called.ts';

export interface MeasuredCallsOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`: start the SDK before. */
  readonly meter?: Meter;
  /** So many services have their names in metrics; all others are `other`. A whole number from 0. Defaults to 200. */
  readonly maxServices?: number;
}

/**
 * An interceptor of clients of `@grpc/grpc-js` by which calls are counted and timed, and the messages of streams counted as they come.
 *
 * ```ts
 * const client = new UserClient('rollcall:///user-service', credentials.createInsecure(), {
 *   interceptors: [tracedCalls(), measuredCalls()],
 * });
 * ```
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for a bad `maxServices`.
 */
export function measuredCalls(options: MeasuredCallsOptions = {}): Interceptor {
  const { meter = metrics.getMeter(SCOPE), maxServices } = options;
  const services = boundedServices(maxServices);
  const streams = meter.createUpDownCounter('rollcall.rpc.streams', {
    unit: '{stream}',
    description: 'Streams that are open.',
  });
  const messages = tally(meter, 'rollcall.rpc.messages', {
    unit: '{message}',
    description: 'Messages of streams.',
  });
  const description =
    'How long calls took, with gRPC’s own retries; streams from their start to their status.';
  const durations = new Durations(meter, 'rpc.client.call.duration', { description }, messages);
  return (callOptions, nextCall) => {
    const call = nextCall(callOptions);
    let sent: Sum | undefined;
    return new InterceptingCall(call, {
      start: (metadata, _listener, next) => {
        const startedAt = systemClock.now();
        const { method, address, isStream } = calledBy(callOptions, call);
        const labels = {
          [ATTRIBUTES.rpcSystem]: 'grpc',
          [ATTRIBUTES.rpcMethod]: method,
          [ATTRIBUTES.serverAddress]: services({ service: address })[ATTRIBUTES.service],
        };
        let received: Sum | undefined;
        if (isStream) {
          sent = messages.of({ ...labels, [ATTRIBUTES.messageDirection]: 'sent' });
          received = messages.of({ ...labels, [ATTRIBUTES.messageDirection]: 'received' });
          streams.add(1, labels);
        }
        next(metadata, {
          onReceiveMessage: (message, tell) => {
            // A call that should get one answer and gets none is told `null`.
            if (received && message !== null) received.count++;
            tell(message);
          },
          onReceiveStatus: (end, tell) => {
            if (isStream) streams.add(-1, labels);
            durations.record((systemClock.now() - startedAt) / 1_000, { ...labels, ...outcomeOf(end.code) });
            tell(end);
          },
        });
      },
      sendMessage: (message, next) => {
        if (sent) sent.count++;
        next(message);
      },
    });
  };
}

function outcomeOf(code: status): Attributes {
  const name = status[code] ?? String(code);
  return { [ATTRIBUTES.rpcStatus]: name, ...(code !== status.OK && { [ATTRIBUTES.errorType]: name }) };
}
