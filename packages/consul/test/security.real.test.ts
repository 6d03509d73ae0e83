import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningConsul, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ConsulOptions, consulAdapter } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';
import { Operator } from './operator.ts';

const ttlMs = 60_000;
const rootPassword = '6e4b6c0e-5d35-4f0e-8f0b-0a52a3c9f6f1';

/** Everything that an error says: its message and those of its causes, and what they carry. */
function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    parts.push(String(cause.stack), JSON.stringify(Object.entries(cause)));
  return parts.join('\n');
}

describe('access lists', { timeout: 60_000 }, () => {
  let consul: RunningConsul;
  let addresses: string[];
  let operator: Operator;
  beforeAll(async () => {
    consul = await startRegistry('consul', { auth: { rootPassword } });
    addresses = [...consul.endpoints];
    operator = new Operator(addresses[0] ?? '', rootPassword);
  });
  afterAll(() => consul.stop());

  let policies = 0;
  async function policy(rules: string): Promise<{ ID: string; Name: string }> {
    return (await operator.call('PUT', 'acl/policy', {
      Name: `policy-${policies++}`,
      Rules: rules,
    })) as never;
  }
  async function token(rules: string): Promise<{ AccessorID: string; SecretID: string }> {
    return (await operator.call('PUT', 'acl/token', {
      Policies: [{ ID: (await policy(rules)).ID }],
    })) as never;
  }
  const readWrite = 'service_prefix "" { policy = "write" } node_prefix "" { policy = "read" }';

  it('a token with the rights works, and its secret is in no error', async () => {
    const { SecretID } = await token(readWrite);
    const adapter = await openAdapter({ addresses, token: SecretID });
    const lease = await adapter.register(instance('allowed', 'a'), { ttlMs, ...soon() });
    await lease.renew?.(soon());
    expect((await adapter.discover(keyOf('allowed'), soon())).instances).toHaveLength(1);
    expect(await adapter.listServices('default', soon())).toContain('allowed');
    await adapter.deregister(instance('allowed', 'a'), soon());
  });

  it('a token that Consul doesn’t know is UNAUTHENTICATED at open, and isn’t told to anybody', async () => {
    const wrong = '11111111-2222-3333-4444-555555555555';
    const adapter = consulAdapter({ addresses, token: wrong });
    onTestFinished(() => adapter.close());
    const error: unknown = await adapter.open(soon().signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wholeText(error)).not.toContain(wrong);
  });

  it('without a token nothing is written, and an empty answer is not believed', async () => {
    const owner = await openAdapter({ addresses, token: rootPassword });
    await owner.register(instance('hidden', 'a'), { ttlMs, ...soon() });
    const stranger = await openAdapter({ addresses });
    for (const call of [
      () => stranger.register(instance('hidden', 'b'), { ttlMs, ...soon() }),
      () => stranger.deregister(instance('hidden', 'a'), soon()),
      () => stranger.discover(keyOf('hidden'), soon()),
      () => stranger.listServices('default', soon()),
      () => stranger.watch(keyOf('hidden'), soon())[Symbol.asyncIterator]().next(),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('to whom everybody may read, an empty answer is an empty list', async () => {
    const { ID } = await policy(
      'service_prefix "open" { policy = "read" } node_prefix "" { policy = "read" }',
    );
    const anonymous = '00000000-0000-0000-0000-000000000002';
    await operator.call('PUT', `acl/token/${anonymous}`, { Policies: [{ ID }] });
    onTestFinished(async () => void (await operator.call('PUT', `acl/token/${anonymous}`, { Policies: [] })));
    const stranger = await openAdapter({ addresses });
    expect((await stranger.discover(keyOf('open-door'), soon())).instances).toEqual([]);
    await expect(stranger.discover(keyOf('closed'), soon())).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('a list that the token may read in part, or not at all, is PERMISSION_DENIED', async () => {
    const owner = await openAdapter({ addresses, token: rootPassword });
    await owner.register(instance('guarded', 'a'), { ttlMs, ...soon() });
    for (const rules of ['service "guarded" { policy = "read" }', 'service "other" { policy = "write" }']) {
      const { SecretID } = await token(rules);
      const adapter = await openAdapter({ addresses, token: SecretID });
      const error: unknown = await adapter
        .discover(keyOf('guarded'), soon())
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'PERMISSION_DENIED' });
      expect(wholeText(error)).not.toContain(SecretID);
      await expect(adapter.register(instance('guarded', 'b'), { ttlMs, ...soon() })).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
      });
    }
  });

  it('a token that is revoked ends the watch, and the list isn’t told empty', async () => {
    const { AccessorID, SecretID } = await token(readWrite);
    const adapter = await openAdapter({ addresses, token: SecretID });
    await adapter.register(instance('revoked', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'revoked');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await operator.call('DELETE', `acl/token/${AccessorID}`);
    const error = await follower.ended;
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wholeText(error)).not.toContain(SecretID);
    expect(follower.known.size).toBe(1);
  });

  it('a token in a file is replaced without a restart, for the entries as well', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-token-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    const [old, young] = [await token(readWrite), await token(readWrite)];
    await writeFile(tokenFile, `${old.SecretID}\n`);
    const adapter = await openAdapter({ addresses, tokenFile });
    const lease = await adapter.register(instance('rotated', 'a'), { ttlMs: 2_000, ...soon() });
    await adapter.override({ ...keyOf('rotated'), id: 'a' }, { weight: 7 }, soon());
    await writeFile(tokenFile, young.SecretID);
    await lease.renew?.(soon());
    // That the agent gets the new token is no word of the owner's.
    await vi.waitFor(async () =>
      expect((await adapter.discover(keyOf('rotated'), soon())).instances).toMatchObject([{ weight: 7 }]),
    );
    await operator.call('DELETE', `acl/token/${old.AccessorID}`);
    await lease.renew?.(soon());
    expect((await adapter.discover(keyOf('rotated'), soon())).instances).toHaveLength(1);
    // The agent has the new one as well: what it sees later gets into the catalog.
    await vi.waitFor(
      async () => expect((await adapter.discover(keyOf('rotated'), soon())).instances).toEqual([]),
      { timeout: 10_000 },
    );
    // A file that is empty for a moment doesn't matter.
    await writeFile(tokenFile, '');
    await adapter.register(instance('rotated', 'a'), { ttlMs, ...soon() });
  });

  it('a file that isn’t there is INVALID_CONFIG', async () => {
    const adapter = consulAdapter({ addresses, tokenFile: '/nowhere/token' });
    onTestFinished(() => adapter.close());
    await expect(adapter.open(soon().signal)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('tokenFile') as string,
    });
  });
});

it('a token where access lists are off is taken, with a warning', { timeout: 30_000 }, async () => {
  const consul = await startRegistry('consul', { own: true });
  onTestFinished(() => consul.stop());
  const adapter = await openAdapter({ addresses: [...consul.endpoints], token: 'needless' });
  await adapter.register(instance('open', 'a'), { ttlMs, ...soon() });
  expect(adapter.warnings).toEqual([expect.stringContaining('access lists are off')]);
});

describe('TLS', { timeout: 60_000 }, () => {
  it('is used with the authorities of the options, as files or text, and with the client’s certificate', async () => {
    const consul = await startRegistry('consul', { tls: 'mutual' });
    onTestFinished(() => consul.stop());
    const { caFile: ca = '', certFile: cert = '', keyFile: key = '' } = consul.tls ?? {};
    const addresses = [...consul.endpoints];
    for (const given of [ca, await readFile(ca, 'utf8')]) {
      const adapter = await openAdapter({ addresses, tls: { ca: given, cert, key } });
      await adapter.register(instance('secure', 'a'), { ttlMs, ...soon() });
      const follower = follow(adapter, 'secure');
      await vi.waitFor(() => expect(follower.known.size).toBe(1));
    }
    const cases: [ConsulOptions, string, string][] = [
      [{ addresses }, 'UNAVAILABLE', 'certificate'],
      [{ addresses, tls: { ca } }, 'UNAVAILABLE', addresses[0] ?? ''],
      [{ addresses, tls: { ca, cert, key, serverName: 'elsewhere.example' } }, 'UNAVAILABLE', 'elsewhere'],
      [{ addresses, tls: { ca: '/nowhere/ca.pem' } }, 'INVALID_CONFIG', 'tls.ca'],
    ];
    for (const [options, code, part] of cases) {
      const adapter = consulAdapter(options);
      onTestFinished(() => adapter.close());
      await expect(adapter.open(soon().signal)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(part) as string,
      });
    }
  });
});
