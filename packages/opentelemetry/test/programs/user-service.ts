/** `user-service`, over gRPC. Run by one-trace.real.test.ts, as the programs beside it. */
import { type handleServerStreamingCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { createRegistry } from '@rollcall/core';
import { serving, startTracing, tell } from './traced-program.ts';
import { Users } from './users.ts';

startTracing('user-service');
const names: handleServerStreamingCall<string, string> = (stream) => {
  void serving('test.Users/Names', stream.metadata.getMap(), async () => {
    for (const name of ['Ada', 'Lovelace']) stream.write(name);
    stream.end();
  });
};
const server = new Server();
server.addService(Users, { names });
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
    error ? reject(error) : resolve(bound),
  );
});
const registry = await createRegistry();
await registry.register({ service: 'user-service', id: 'user-1', host: '127.0.0.1', port }).listed();
tell('listed');
