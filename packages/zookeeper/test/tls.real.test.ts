import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Certificates,
  makeCertificates,
  type RunningZooKeeper,
  startRegistry,
} from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zookeeperAdapter } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';

let folder: string;
let certificates: Certificates;
let zookeeper: RunningZooKeeper;
let host: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-zookeeper-tls-'));
  certificates = await makeCertificates(folder);
  const { server, caFile } = certificates;
  // ZooKeeper wants both in one file.
  const keyStore = join(folder, 'server-store.pem');
  await writeFile(
    keyStore,
    (await readFile(server.keyFile, 'utf8')) + (await readFile(server.certFile, 'utf8')),
  );
  const port = await freePort();
  host = `127.0.0.1:${port}`;
  zookeeper = await startRegistry('zookeeper', {
    flags: [
      `secureClientPort=${port}`,
      'serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory',
      `ssl.keyStore.location=${keyStore}`,
      `ssl.trustStore.location=${caFile}`,
      'ssl.clientAuth=need',
    ],
  });
});
afterAll(async () => {
  await zookeeper?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const tls = () => ({
  ca: certificates.caFile,
  cert: certificates.client.certFile,
  key: certificates.client.keyFile,
});

describe('with TLS', () => {
  it('an instance is registered, followed and taken off', async () => {
    const writer = await openAdapter({ hosts: [host], tls: tls() });
    const reader = await openAdapter({ hosts: [host], tls: tls() });
    const follower = follow(reader, 'tls-service');
    const one = instance('tls-service', 'one');
    await writer.register(one, { ttlMs: 15_000, ...soon() });
    await expect.poll(() => [...follower.known.keys()]).toEqual(['one']);
    await writer.deregister(one, soon());
    await expect.poll(() => follower.known.size).toBe(0);
    expect(await reader.discover(keyOf('tls-service'), soon())).toEqual({ instances: [], skipped: [] });
  });

  it.each([
    ['no authority of ours', () => ({ cert: tls().cert, key: tls().key })],
    ['no certificate of the client', () => ({ ca: tls().ca })],
    ['a name that the certificate is not for', () => ({ ...tls(), serverName: 'other.test' })],
  ])('and %s there is no connection', async (_what, options) => {
    const adapter = zookeeperAdapter({ hosts: [host], tls: options() });
    try {
      await expect(adapter.open(soon(3_000).signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    } finally {
      await adapter.close();
    }
  });

  it('and a file that is not there is a wrong configuration', async () => {
    const adapter = zookeeperAdapter({ hosts: [host], tls: { ca: join(folder, 'none.pem') } });
    try {
      await expect(adapter.open(soon().signal)).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        field: 'tls.ca',
      });
    } finally {
      await adapter.close();
    }
  });
});
