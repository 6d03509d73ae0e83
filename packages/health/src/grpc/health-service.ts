import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

export interface HealthCheckRequest {
  /** The service that is meant; empty for the whole server. */
  readonly service: string;
}

export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

export interface HealthCheckResponse {
  readonly status: ServingStatus;
}

/**
 * `grpc.health.v1` (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), by its names and numbers; and Rollcall's own
 * service, which speaks in the same messages.
 */
const definition = fromJSON(
  {
    nested: {
      rollcall: {
        nested: {
          health: {
            nested: {
              v1: {
                nested: {
                  Heartbeat: {
                    methods: {
                      Watch: {
                        requestType: 'grpc.health.v1.HealthCheckRequest',
                        requestStream: true,
                        responseType: 'grpc.health.v1.HealthCheckResponse',
                        responseStream: true,
                        comment: '',
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
      grpc: {
        nested: {
          health: {
            nested: {
              v1: {
                nested: {
                  HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
                  HealthCheckResponse: {
                    fields: { status: { type: 'ServingStatus', id: 1 } },
                    nested: {
                      ServingStatus: {
                        values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
                      },
                    },
                  },
                  Health: {
                    methods: {
                      Check: {
                        requestType: 'HealthCheckRequest',
                        responseType: 'HealthCheckResponse',
                        comment: '',
                      },
                      Watch: {
                        requestType: 'HealthCheckRequest',
                        responseType: 'HealthCheckResponse',
                        responseStream: true,
                        comment: '',
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
  { defaults: true, enums: String },
);

/** `grpc.health.v1.Health/Check`: one question, one answer. */
export const check = method('grpc.health.v1.Health', 'Check');

/** `grpc.health.v1.Health/Watch`: one question, an answer at once, and one at each change. */
export const watchHealth = method('grpc.health.v1.Health', 'Watch');

/**
 * `rollcall.health.v1.Heartbeat/Watch(stream HealthCheckRequest) returns (stream HealthCheckResponse)`: each beat is answered, and a
 * change is told at once.
 */
export const watch = method('rollcall.health.v1.Heartbeat', 'Watch');

function method(service: string, name: string): MethodDefinition<HealthCheckRequest, HealthCheckResponse> {
  return (definition[service] as ServiceDefinition)[name] as MethodDefinition<
    HealthCheckRequest,
    HealthCheckResponse
  >;
}
