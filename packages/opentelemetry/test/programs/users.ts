import {
  type Client,
  type ClientReadableStream,
  makeGenericClientConstructor,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';

const asText = { serialize: (text: string) => Buffer.from(text), parse: (bytes: Buffer) => bytes.toString() };

/** The service that `user-service` serves over gRPC: the names of a user, one by one. */
export const Users = {
  names: {
    path: '/test.Users/Names',
    requestStream: false,
    responseStream: true,
    requestSerialize: asText.serialize,
    requestDeserialize: asText.parse,
    responseSerialize: asText.serialize,
    responseDeserialize: asText.parse,
  },
} as const;

export interface UsersClient extends Client {
  names(id: string): ClientReadableStream<string>;
}

export const UsersClientConstructor: ServiceClientConstructor = makeGenericClientConstructor(Users, 'Users');
