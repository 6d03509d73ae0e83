import type { RegistryNode } from '@rollcall-tools/registries';
import type { RegistryUnderTest } from '../registry-kind.ts';

/**
 * What is done to the first server.
 *
 * @param setUp what a server without data needs, such as users.
 */
export function firstServer(
  first: RegistryNode,
  setUp: () => Promise<void> = () => Promise.resolve(),
): Pick<RegistryUnderTest, 'kill' | 'restart' | 'freeze' | 'thaw'> {
  return {
    kill: () => first.kill(),
    async restart({ wipe = false } = {}) {
      await first.restart({ wipe });
      if (wipe) await setUp();
    },
    freeze: () => first.freeze(),
    thaw: () => first.thaw(),
  };
}

/** Kills the server that leads. */
export async function killLeaderOf(servers: { leader(): Promise<RegistryNode> }): Promise<void> {
  const leader = await servers.leader();
  await leader.kill();
}
