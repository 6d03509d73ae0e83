import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { isObject, parseJsonObject } from '@rollcall/core/dialects';
import { fromJSON } from '@grpc/proto-loader';

/** What a message says, whatever its type. */
export type Body = Readonly<Record<string, unknown>>;

/** A message as Nacos sends it over gRPC: the name of its type, and JSON. */
export interface Payload {
  readonly metadata: {
    readonly type: string;
    readonly clientIp?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } | null;
  readonly body: { readonly value: Buffer } | null;
}

/**
 * Nacos' whole protocol buffer file
 * (https://github.com/alibaba/nacos/blob/develop/api/src/main/proto/nacos_grpc_service.proto). `Body` is
 * `google.protobuf.Any`, by the same numbers.
 */
const definition = fromJSON(
  {
    nested: {
      Metadata: {
        fields: {
          type: { type: 'string', id: 3 },
          clientIp: { type: 'string', id: 8 },
          headers: { keyType: 'string', type: 'string', id: 7 } as { type: string; id: number },
        },
      },
      Body: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
      Payload: { fields: { metadata: { type: 'Metadata', id: 2 }, body: { type: 'Body', id: 3 } } },
      Request: { methods: { request: { requestType: 'Payload', responseType: 'Payload', comment: '' } } },
      BiRequestStream: {
        methods: {
          requestBiStream: {
            requestType: 'Payload',
            requestStream: true,
            responseType: 'Payload',
            responseStream: true,
            comment: '',
          },
        },
      },
    },
  },
  { keepCase: true, defaults: true },
);

/** One request, one answer. */
export const unary = method('Request', 'request');

/** What the server sends by itself, and what answers it. */
export const stream = method('BiRequestStream', 'requestBiStream');

export function payload(type: string, body: Body, headers: Readonly<Record<string, string>> = {}): Payload {
  return { metadata: { type, headers }, body: { value: Buffer.from(JSON.stringify(body)) } };
}

/** @throws {RegistryError} `PROTOCOL` when it isn't a JSON object. */
export function bodyOf({ body }: Payload): Body {
  return parseJsonObject(body?.value.toString() ?? '');
}

/** A member that is an object. */
export function objectIn(body: Body, name: string): Body | undefined {
  const value = body[name];
  return isObject(value) ? value : undefined;
}

function method(service: string, name: string): MethodDefinition<Payload, Payload> {
  return (definition[service] as ServiceDefinition)[name] as MethodDefinition<Payload, Payload>;
}
