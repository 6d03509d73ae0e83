import type { experimental } from '@grpc/grpc-js';
import { MemoryStore, RegistryError } from '@rollcall/core';
import { describe, expect, it, vi } from 'vitest';
import { registerRollcall } from '../src/index.ts';
import { authorityOf, parseTarget } from '../src/target.ts';
import { anotherRegistry, calling, echoing, relay, stage } from './stage.ts';

const soon = { timeout: 10_000 };
const thrown = (fn: () => unknown) => {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('a target', () => {
  it.each([
    ['rollcall:///user-service', { service: 'user-service' }],
    ['rollcall:user-service', { service: 'user-service' }],
    ['rollcall://staging/user-service', { service: 'user-service', namespace: 'staging' }],
    ['rollcall://a%2Fb/g%3A80', { service: 'g:80', namespace: 'a/b' }],
    ['rollcall:///DEFAULT_GROUP@@users', { service: 'DEFAULT_GROUP@@users' }],
  ])('%s', (target, expected) => {
    expect(parseTarget(uri(target))).toEqual({ namespace: undefined, ...expected });
  });

  it.each([
    ['rollcall:///users:8080', 'target rollcall:/users:8080 has a port'],
    ['rollcall:///users/42', 'has more than a service name'],
    ['rollcall:///users?x=1', 'has more than a service name'],
    ['rollcall://users', 'target rollcall://users names no service'],
    ['rollcall:///%E0%A4', 'is not well percent-encoded'],
  ])('like %s is refused when the client is made', async (target, message) => {
    await stage();
    const error = thrown(() => calling(target)) as RegistryError;
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', field: 'target' });
    expect(error.message).toContain(message.replace('rollcall:/users', 'rollcall:users'));
    expect(error.message).toContain('write rollcall:///service');
  });

  it('names the namespace', async () => {
    const { list } = await stage();
    await list(await echoing('home'));
    await list(await echoing('away'), { namespace: 'staging' });
    await expect(calling('rollcall:///users').say()).resolves.toBe('home');
    await expect(calling('rollcall://default/users').say()).resolves.toBe('home');
    await expect(calling('rollcall://staging/users').say()).resolves.toBe('away');
  });

  it('of a namespace that no rule lets it look into is refused when the client is made', async () => {
    await stage();
    expect(thrown(() => calling('rollcall://payments/ledger'))).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('{ from: default, to: payments/ledger }'),
    });
  });

  it('has the service for its authority, as far as a host can be called so', () => {
    const authority = (service: string) => authorityOf({ service, namespace: undefined });
    expect(authority('user-service.v1')).toBe('user-service.v1');
    expect(authority('DEFAULT_GROUP@@users')).toBe('DEFAULT_GROUP--users');
    expect(authority('1.2.3.4.5')).toBe('rollcall');
  });

  it('may have any name', async () => {
    const { list } = await stage();
    await list(await echoing('a'), { service: 'GROUP@@users/ü ' });
    await expect(calling(`rollcall:///${encodeURIComponent('GROUP@@users/ü ')}`).say()).resolves.toBe('a');
  });
});

describe('schemes', () => {
  it('lead to one registry each', async () => {
    const { list } = await stage();
    await list(await echoing('here'));
    const there = await anotherRegistry(new MemoryStore());
    const unregister = registerRollcall(there, { scheme: 'rollcall-eu' });
    const { port } = await echoing('there');
    await there.register({ service: 'users', host: '127.0.0.1', port }).listed();
    await expect(calling('rollcall:///users').say()).resolves.toBe('here');
    await expect(calling('rollcall-eu:///users').say()).resolves.toBe('there');
    unregister();
  });

  it.each([
    ['', 'must be'],
    ['Rollcall', 'must be'],
    ['roll_call', 'must be'],
    [7, 'must be'],
    ['dns', 'is one of gRPC'],
    ['rollcall', 'is registered'],
  ])('%s is refused where one is registered', async (scheme, message) => {
    const { registry } = await stage();
    const error = thrown(() => registerRollcall(registry, { scheme: scheme as string }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', field: 'scheme' });
    expect((error as Error).message).toContain(message);
  });
});

describe('options of the balancer', () => {
  const written = (config: object) => ({
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ rollcall: config }] }),
  });

  it('that can’t be are refused when the client is made', async () => {
    await stage({ balancer: { panicThreshold: 7 } });
    expect(() => calling()).toThrow('panicThreshold must be 0 to 1');
    expect(() => calling('rollcall:///users', written({ panicThreshold: 0.5 }))).not.toThrow();
    expect(() => calling('rollcall:///users', written({ panicThreshold: 0, policy: 'best' }))).toThrow(
      /policy/u,
    );
    expect(() => calling('rollcall:///users', written({ polcy: 'random' }))).toThrow(
      'loadBalancingConfig.rollcall.polcy is not an option',
    );
  });

  it('subset spares connections, too', async () => {
    const { list } = await stage({ balancer: { policy: 'round-robin', subset: { size: 2, client: 'me' } } });
    const relays = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const passing = await relay((await echoing(name)).port);
      relays.push(passing);
      await list({ name, port: passing.port });
    }
    const { say } = calling();
    const seen = new Set<string>();
    await vi.waitFor(async () => {
      seen.add(await say());
      expect(seen.size).toBe(2);
    }, soon);
    expect(relays.filter(({ open }) => open() > 0)).toHaveLength(2);
  });
});

describe('the policy', () => {
  it('says what it needs when the target isn’t ours', async () => {
    await stage();
    const { port } = await echoing('a');
    const { say } = calling(`dns:127.0.0.1:${port}`, {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ rollcall: {} }] }),
    });
    await expect(say()).rejects.toThrow(
      'the policy rollcall needs a target of Rollcall: write rollcall:///service',
    );
  });
});

function uri(target: string): experimental.GrpcUri {
  const [, scheme, authority, path = ''] = /^([a-z]+):(?:\/\/([^/]*)\/)?(.+)$/u.exec(target) ?? [];
  return { ...(scheme && { scheme }), ...(authority !== undefined && { authority }), path };
}
