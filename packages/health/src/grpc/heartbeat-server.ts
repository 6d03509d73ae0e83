import type { handleBidiStreamingCall, Server, ServerDuplexStream } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type ServingStatus,
  watch,
} from './health-service.ts';

type Stream = ServerDuplexStream<HealthCheckRequest, HealthCheckResponse>;

/**
 * Answers heartbeats, and tells at once when it is no longer well.
 *
 * ```ts
 * const heartbeat = new HeartbeatServer();
 * heartbeat.addTo(server);
 * heartbeat.status = 'NOT_SERVING';
 * ```
 */
export class HeartbeatServer {
  readonly #streams = new Set<Stream>();
  #status: ServingStatus = 'SERVING';

  /** How many hear of it. */
  get listeners(): number {
    return this.#streams.size;
  }

  get status(): ServingStatus {
    return this.#status;
  }

  /** Tells it to all who listen, where it is another. */
  set status(status: ServingStatus) {
    if (status === this.#status) return;
    this.#status = status;
    for (const stream of this.#streams) stream.write({ status });
  }

  /** Adds the service to a server, before that is started. */
  addTo(server: Server): void {
    const onWatch: handleBidiStreamingCall<HealthCheckRequest, HealthCheckResponse> = (stream) => {
      this.#streams.add(stream);
      const leave = () => this.#streams.delete(stream);
      stream.on('data', () => stream.write({ status: this.#status }));
      stream.on('end', () => stream.end());
      stream.on('error', leave);
      stream.on('close', leave);
    };
    server.addService({ watch }, { watch: onWatch });
  }

  /** Ends every stream, as a server does that is about to end. */
  close(): void {
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }
}
