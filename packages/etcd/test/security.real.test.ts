import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningEtcd, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type EtcdOptions, etcdAdapter } from '../src/index.ts';
import { defaultKey, follow, instance, openAdapter, soon, ttlMs } from './real-etcd.ts';

const rootPassword = 'the-right-one';

async function start(options: NonNullable<Parameters<typeof startRegistry<'etcd'>>[1]>) {
  const etcd = await startRegistry('etcd', { own: true, ...options });
  onTestFinished(() => etcd.stop());
  return etcd;
}

/** Everything that an error says: its message and those of its causes, and what they carry. */
function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    parts.push(String(cause.stack), JSON.stringify(Object.entries(cause)));
  }
  return parts.join('\n');
}

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  const error: unknown = await attempt.then(
    () => 'it succeeded',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

/** The flags of a server that tells in its log when a token was given, and when it expired. */
const SHORT_TOKENS = ['--auth-token-ttl=1', '--logger=zap', '--log-level=debug'];

/** Waits until no token is left that the server gave. Each use of a token prolongs it, so the log is asked, not the server. */
async function expired(etcd: RunningEtcd): Promise<void> {
  const log = join(etcd.folder ?? '', 'node-1', 'log');
  await vi.waitFor(
    async () => {
      const lines = (await readFile(log, 'utf8')).split('\n');
      const given = lines.filter((line) => line.includes('"authenticated a user"')).length;
      const gone = lines.filter((line) => line.includes('"deleted a simple token"')).length;
      expect(given).toBeGreaterThan(0);
      expect(gone).toBe(given);
    },
    { timeout: 15_000, interval: 100 },
  );
}

describe('a user', { timeout: 60_000 }, () => {
  const root = { username: 'root', password: rootPassword };

  it('is let in with the right password, and not otherwise', async () => {
    const etcd = await start({ auth: { rootPassword } });
    const endpoints = [...etcd.endpoints];
    const adapter = await openAdapter({ endpoints, ...root });
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);

    const wrong = etcdAdapter({ endpoints, username: 'root', password: 'the-wrong-one' });
    const refused = await failureOf(wrong.open(soon().signal));
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', retryable: true });
    expect(wholeText(refused)).not.toContain('the-wrong-one');

    // etcd 3.6 refuses already to connect, 3.4 the first look.
    const nobody = etcdAdapter({ endpoints });
    onTestFinished(() => nobody.close());
    const look = nobody.open(soon().signal).then(() => nobody.discover(defaultKey, soon()));
    await expect(look).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('goes on after its token expired: calls, beats and watches', async () => {
    const etcd = await start({ auth: { rootPassword }, flags: SHORT_TOKENS });
    const adapter = await openAdapter({ endpoints: [...etcd.endpoints], ...root });
    const lease = await adapter.register(instance('a'), { ttlMs: 60_000, ...soon() });
    await expired(etcd);
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
    await expired(etcd);
    await lease.renew?.(soon());
    await expired(etcd);
    await adapter.register(instance('b'), { ttlMs: 60_000, ...soon() });
    await expired(etcd);
    const follower = follow(adapter);
    await vi.waitFor(() => expect([...follower.known.keys()]).toEqual(['a', 'b']));
    await expired(etcd);
    await adapter.deregister(instance('b'), soon());
    await vi.waitFor(() => expect([...follower.known.keys()]).toEqual(['a']));
  });

  it('whose password was changed is refused until it is changed back', async () => {
    const etcd = await start({ auth: { rootPassword } });
    await etcd.etcdctl(['user', 'add', 'alice', '--interactive=false'], { input: 'first\n' });
    await etcd.etcdctl(['user', 'grant-role', 'alice', 'root']);
    const adapter = await openAdapter({
      endpoints: [...etcd.endpoints],
      username: 'alice',
      password: 'first',
    });
    const lease = await adapter.register(instance('a'), { ttlMs: 60_000, ...soon() });
    await etcd.etcdctl(['user', 'passwd', 'alice', '--interactive=false'], { input: 'second\n' });
    for (const call of [
      () => adapter.discover(defaultKey, soon()),
      () => adapter.register(instance('b'), { ttlMs, ...soon() }),
    ]) {
      const refused = await failureOf(call());
      expect(refused).toMatchObject({
        code: 'UNAUTHENTICATED',
        message: expect.stringContaining('password') as string,
      });
      expect(wholeText(refused)).not.toContain('first');
    }
    await etcd.etcdctl(['user', 'passwd', 'alice', '--interactive=false'], { input: 'first\n' });
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
    await lease.renew?.(soon());
  });

  it('without a right is refused by PERMISSION_DENIED; a refused watch doesn’t keep others from starting', async () => {
    const etcd = await start({ auth: { rootPassword } });
    await etcd.etcdctl(['user', 'add', 'bob', '--interactive=false'], { input: 'builder\n' });
    await etcd.etcdctl(['role', 'add', 'reader']);
    await etcd.etcdctl(['role', 'grant-permission', 'reader', 'read', '--prefix=true', '/rollcall/default/']);
    await etcd.etcdctl(['user', 'grant-role', 'bob', 'reader']);
    const adapter = await openAdapter({
      endpoints: [...etcd.endpoints],
      username: 'bob',
      password: 'builder',
    });
    await expect(adapter.register(instance('a'), { ttlMs, ...soon() })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await expect(adapter.deregister(instance('a'), soon())).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    expect(await follow(adapter, { ...defaultKey, namespace: 'blue' }).ended).toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await etcd.etcdctl(['put', '/rollcall/default/user-service/x', '{"host":"h","port":1}']);
    await vi.waitFor(() => expect(follower.known.has('x')).toBe(true));
  });

  it('is let in where authentication is off, with a warning; and goes on when it is turned on', async () => {
    const etcd = await start({});
    const adapter = await openAdapter({ endpoints: [...etcd.endpoints], ...root });
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    expect(adapter.warnings).toEqual([expect.stringContaining('authentication is off')]);
    await etcd.etcdctl(['user', 'add', 'root', '--interactive=false'], { input: `${rootPassword}\n` });
    await etcd.etcdctl(['user', 'grant-role', 'root', 'root']);
    await etcd.etcdctl(['auth', 'enable']);
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
    expect(adapter.warnings).toHaveLength(1);
  });
});

describe('TLS', { timeout: 60_000 }, () => {
  it('is used with the authorities that the options name, as files or as text, and refused with others', async () => {
    const etcd = await start({ tls: true });
    const ca = etcd.tls?.caFile ?? '';
    const endpoints = [...etcd.endpoints];
    for (const given of [ca, await readFile(ca, 'utf8')]) {
      const adapter = await openAdapter({ endpoints, tls: { ca: given } });
      await adapter.register(instance('a'), { ttlMs, ...soon() });
      expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
    }
    const cases: [EtcdOptions, string, string][] = [
      [{ endpoints }, 'UNAVAILABLE', 'certificate'],
      [{ endpoints, tls: { ca, serverName: 'elsewhere.example' } }, 'UNAVAILABLE', 'elsewhere.example'],
      [{ endpoints, tls: { ca: '/nowhere/ca.pem' } }, 'INVALID_CONFIG', 'tls.ca'],
    ];
    for (const [options, code, part] of cases) {
      const adapter = etcdAdapter(options);
      onTestFinished(() => adapter.close());
      await expect(adapter.open(soon().signal)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(part) as string,
      });
    }
  });

  it('takes the name that the certificate is for from serverName', async () => {
    const etcd = await start({ tls: true });
    const options = {
      endpoints: [...etcd.endpoints],
      tls: { ca: etcd.tls?.caFile ?? '', serverName: 'localhost' },
    };
    const adapter = await openAdapter(options);
    expect((await adapter.discover(defaultKey, soon())).instances).toEqual([]);
  });

  it('shows the client’s certificate where the server wants one, and logs in through it', async () => {
    const etcd = await start({ tls: 'mutual', auth: { rootPassword } });
    const { caFile: ca = '', certFile: cert = '', keyFile: key = '' } = etcd.tls ?? {};
    const endpoints = [...etcd.endpoints];
    const user = { username: 'root', password: rootPassword };
    const adapter = await openAdapter({ endpoints, ...user, tls: { ca, cert, key } });
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    const stranger = etcdAdapter({ endpoints, ...user, tls: { ca } });
    onTestFinished(() => stranger.close());
    await expect(stranger.open(soon().signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
