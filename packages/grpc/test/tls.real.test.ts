import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';
import { calling, echoing, reaching, stage } from './stage.ts';

describe('with TLS', () => {
  it('a certificate must have the name of the service, or that of the channel’s option', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-grpc-tls-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { caFile, server } = await makeCertificates(folder);
    const [ca, cert, key] = await Promise.all(
      [caFile, server.certFile, server.keyFile].map((f) => readFile(f)),
    );
    const pair = { private_key: key as Buffer, cert_chain: cert as Buffer };
    const { list } = await stage();
    const a = await echoing('a', { credentials: ServerCredentials.createSsl(null, [pair]) });
    // The certificate is of localhost.
    await list(a, { service: 'localhost' });
    await list(a, { service: 'users' });
    const secure = credentials.createSsl(ca);
    await reaching(calling('rollcall:///localhost', {}, secure), 'a');
    await expect(calling('rollcall:///users', {}, secure).say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("Host: users. is not in the cert's altnames") as string,
    });
    await reaching(
      calling('rollcall:///users', { 'grpc.ssl_target_name_override': 'localhost' }, secure),
      'a',
    );
  });
});
