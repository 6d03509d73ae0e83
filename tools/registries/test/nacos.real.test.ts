import { readdir } from 'node:fs/promises';
import { availability, type RunningNacos, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';

import { canListen } from '../src/free-ports.ts';
import { httpLook } from '../src/http-look.ts';

describe.each([
  ['nacos', '/nacos/v3/admin/core/state/readiness', /"ok"/],
  ['nacos2', '/nacos/v1/ns/operator/metrics', /"UP"/],
] as const)('%s', (type, readyPath, ready) => {
  const here = availability(type, { own: true });
  const look = (nacos: RunningNacos) => httpLook(`${nacos.endpoints[0]}${readyPath}`);

  async function start(options: Parameters<typeof startRegistry>[1]): Promise<RunningNacos> {
    const nacos = await startRegistry(type, options);
    onTestFinished(() => nacos.stop());
    return nacos;
  }

  it.skipIf(!here.available)(
    'serves HTTP, and gRPC above it; ends when it is killed, and comes back at the same place, empty',
    async () => {
      const nacos = await start({ own: true });
      const port = Number(new URL(nacos.endpoints[0] ?? '').port);
      expect(nacos.endpoints).toEqual([`http://127.0.0.1:${port}`]);
      expect(await look(nacos)).toMatch(ready);
      expect(await Promise.all([port, port + 1_000].map(canListen))).toEqual([false, false]);
      // Else each run would leave it in the machine's folder for temporary files.
      expect(await readdir(nacos.folder ?? '', { recursive: true })).toContainEqual(
        expect.stringMatching(/librocksdbjni/u),
      );
      const [node] = nacos.nodes;
      await node?.kill();
      expect(await look(nacos)).toBeUndefined();
      await node?.restart({ wipe: true });
      expect(await look(nacos)).toMatch(ready);
      node?.freeze();
      expect(await look(nacos)).toBeUndefined();
      node?.thaw();
      await nacos.stop();
      expect(await look(nacos)).toBeUndefined();
      expect(await Promise.all([port, port + 1_000].map(canListen))).toEqual([true, true]);
    },
    180_000,
  );

  it.skipIf(!here.available)('is not offered with three nodes', async () => {
    await expect(start({ nodes: 3 })).rejects.toThrow(/three nodes/);
  });
});
