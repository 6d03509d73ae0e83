import { type ChannelCredentials, Client, credentials } from '@grpc/grpc-js';
import { formatAddress } from '@rollcall/core/dialects';
import type { Probe } from '../probe.ts';
import { check, type HealthCheckResponse } from './health-service.ts';

export interface GrpcProbeOptions {
  /** Asks for one service of the server. Defaults to the whole server. */
  readonly service?: string;
  /** Defaults to none: plain text; TLS with Node's authorities where the instance's scheme is `grpcs` or `https`. */
  readonly credentials?: ChannelCredentials;
}

/**
 * Well is who answers `SERVING` to `grpc.health.v1.Health/Check`. A connection of its own for each look, as what is looked at
 * is also whether a new one is taken.
 */
export function grpcProbe({ service = '', credentials: given }: GrpcProbeOptions = {}): Probe {
  return async (instance, signal) => {
    const isSecure = instance.scheme === 'grpcs' || instance.scheme === 'https';
    const client = new Client(
      formatAddress(instance),
      given ?? (isSecure ? credentials.createSsl() : credentials.createInsecure()),
      // Else clients of one address would share a connection.
      { 'grpc.use_local_subchannel_pool': 1 },
    );
    try {
      const { status } = await new Promise<HealthCheckResponse>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = check;
        const call = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { service },
          (error, answer) => {
            if (error) reject(error);
            else if (answer) resolve(answer);
            else reject(new Error('it answered nothing'));
          },
        );
        const onAbort = () => call.cancel();
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
      });
      if (status !== 'SERVING') throw new Error(`it answered ${status}`);
    } finally {
      client.close();
    }
  };
}
