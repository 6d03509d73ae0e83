import { type RunningNacos, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { nacosAdapter, type NacosOptions } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon, ttlMs, START_MS } from './real-nacos.ts';

const password = 'the-right-one';
const user = { username: 'nacos', password };

/** Everything that an error says: its message and those of its causes, and what they carry. */
function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    parts.push(String(cause.stack), JSON.stringify(Object.entries(cause)));
  return parts.join('\n');
}

describe.each([
  ['nacos', 'mutual'],
  ['nacos2', false],
] as const)('authentication of %s, with TLS: %s', (type, tls) => {
  let nacos: RunningNacos;
  let options: NacosOptions;
  beforeAll(async () => {
    const flags = [
      'nacos.core.auth.plugin.nacos.token.expire.seconds=5',
      'nacos.core.auth.caching.enabled=false',
    ];
    nacos = await startRegistry(type, { auth: { rootPassword: password }, flags, ...(tls && { tls }) });
    const { caFile: ca = '', certFile: cert = '', keyFile: key = '' } = nacos.tls ?? {};
    options = { servers: [...nacos.endpoints], ...(tls && { tls: { ca, cert, key } }) };
  }, START_MS);
  afterAll(() => nacos.stop());

  it.each(['grpc', 'http'] as const)(
    'lets in by %s who has the password, and nobody else',
    async (transport) => {
      const adapter = await openAdapter({ ...options, ...user, transport });
      const service = `guarded-${transport}`;
      await adapter.register(instance(service, 'a'), { ttlMs, ...soon() });
      await expect
        .poll(async () => (await adapter.discover(keyOf(service), soon())).instances.length, {
          timeout: 3_000,
        })
        .toBe(1);
      expect(await adapter.listServices('default', soon())).toContain(service);
      await adapter.override({ ...keyOf(service), id: 'a' }, { weight: 3 }, soon());
      expect((await adapter.discover(keyOf(service), soon())).instances).toMatchObject([{ weight: 3 }]);

      const wrong = nacosAdapter({ ...options, username: 'nacos', password: 'the-wrong-one', transport });
      onTestFinished(() => wrong.close());
      const refused: unknown = await wrong.open(soon().signal).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', retryable: true });
      expect(wholeText(refused)).not.toMatch(/the-(?:wrong|right)-one/u);

      const nobody = nacosAdapter({ ...options, transport });
      onTestFinished(() => nobody.close());
      const look = nobody.open(soon().signal).then(() => nobody.discover(keyOf(service), soon()));
      await expect(look).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    },
  );

  it(
    'goes on when the token has expired: calls get a new one, and the watch doesn’t need it',
    { timeout: 40_000 },
    async () => {
      const adapter = await openAdapter({ ...options, ...user });
      const lease = await adapter.register(instance('expiring', 'a'), { ttlMs, ...soon() });
      const follower = follow(adapter, 'expiring');
      await vi.waitFor(() => expect(follower.known.size).toBe(1), { timeout: 3_000 });
      const begin = performance.now();
      // Twice the time of a token.
      for (let weight = 2; performance.now() - begin < 10_000; weight++) {
        await adapter.register(instance('expiring', 'a', { weight }), { ttlMs, ...soon() });
        await vi.waitFor(() => expect(follower.known.get('a')?.weight).toBe(weight), { timeout: 3_000 });
      }
      expect(lease.lost?.aborted).toBe(false);
      expect(follower.events.filter(({ kind }) => kind === 'list')).toHaveLength(1);
    },
  );

  it('is not opened by a client that trusts nobody, or that takes TLS for none, or none for TLS', async () => {
    const { servers = [] } = options;
    const secure = servers.map((server) => server.replace('http:', 'https:'));
    for (const other of tls ? [{ ...options, tls: {} }, { servers }] : [{ servers: secure, tls: {} }]) {
      const adapter = nacosAdapter({ ...other, ...user });
      const failure: unknown = await adapter.open(soon().signal).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'RegistryError', retryable: true });
      await adapter.close();
    }
  });
});
