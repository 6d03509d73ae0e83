import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-restart-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** More than are written anew in the moment after which a foreign entry counts as taken over. */
const INSTANCES = 3_000;
const SERVICE = '/v1/namespaces/default/services/many';

function run(onRegistered: () => void = () => {}): Promise<RunningGateway> {
  const ignore = (): void => {};
  const info = (line: string): void => {
    if (line.includes('registered')) onRegistered();
  };
  return runGateway({
    config: { registry: { type: 'store', options: { path: folder } }, log: { level: 'debug' } },
    limits: { perAddress: false, perPrincipal: false },
    logger: { error: ignore, warn: ignore, info, debug: ignore },
  });
}

it('a lease is still good while its instances are written anew, however many they are', async () => {
  const before = await run();
  const { body } = await before.call('POST', '/v1/leases', { body: { ttlMs: 600_000 } });
  const lease = (body as { id: string }).id;
  const headers = { 'rollcall-lease': lease };
  const ids = Array.from({ length: INSTANCES }, (_, n) => `instance-${n}`);
  const workers = Array.from({ length: 100 }, async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop())
      await before.call('PUT', `${SERVICE}/instances/${id}`, { body: { host: 'h', port: 1 }, headers });
  });
  await Promise.all(workers);
  await before.close();

  let registered = 0;
  const after = await run(() => registered++);
  try {
    let isWritten: boolean;
    do {
      isWritten = registered >= INSTANCES;
      expect(await after.call('POST', `/v1/leases/${lease}/renew`)).toMatchObject({ status: 200 });
    } while (!isWritten);
    const { body: list } = await after.call('GET', `${SERVICE}/instances`);
    expect(list).toMatchObject({ instances: { length: INSTANCES } });
  } finally {
    await after.close();
  }
});
