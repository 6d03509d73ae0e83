import { type handleUnaryCall, Server, ServerCredentials, status as code } from '@grpc/grpc-js';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { grpcProbe } from '../src/grpc/index.ts';
import { check, type HealthCheckRequest, type HealthCheckResponse } from '../src/grpc/health-service.ts';

const soon = (ms = 2_000) => AbortSignal.timeout(ms);

async function serving(
  answer: handleUnaryCall<HealthCheckRequest, HealthCheckResponse>,
): Promise<ServiceInstance> {
  const server = new Server();
  server.addService({ check }, { check: answer });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return defineInstance({ service: 'users', host: '127.0.0.1', port });
}

describe('grpc.health.v1', () => {
  it('SERVING is well; the service that is asked for is told', async () => {
    const asked: string[] = [];
    const instance = await serving(({ request }, reply) => {
      asked.push(request.service);
      reply(null, { status: 'SERVING' });
    });
    await expect(grpcProbe()(instance, soon())).resolves.toBeUndefined();
    await expect(grpcProbe({ service: 'acme.Users' })(instance, soon())).resolves.toBeUndefined();
    expect(asked).toEqual(['', 'acme.Users']);
    expect(check.path).toBe('/grpc.health.v1.Health/Check');
  });

  it.each(['NOT_SERVING', 'UNKNOWN', 'SERVICE_UNKNOWN'] as const)(
    '%s is not, and is told',
    async (status) => {
      const instance = await serving((_call, reply) => reply(null, { status }));
      await expect(grpcProbe()(instance, soon())).rejects.toThrow(`it answered ${status}`);
    },
  );

  it('an error, nobody there, or silence, is a failure', async () => {
    const failing = await serving((_call, reply) =>
      reply({ code: code.NOT_FOUND, details: 'no such service' }),
    );
    await expect(grpcProbe()(failing, soon())).rejects.toThrow(/no such service/u);
    const nobody = defineInstance({ service: 'users', host: '127.0.0.1', port: 1 });
    await expect(grpcProbe()(nobody, soon())).rejects.toThrow(/UNAVAILABLE/u);
    const silent = await serving(() => {});
    await expect(grpcProbe()(silent, soon(200))).rejects.toThrow(/CANCELLED/u);
    await expect(grpcProbe()(silent, AbortSignal.abort())).rejects.toThrow(/CANCELLED/u);
  });
});
