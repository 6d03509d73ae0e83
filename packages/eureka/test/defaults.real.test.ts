import { type RunningEureka, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eurekaAdapter } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';

/** What Eureka has where nothing is set (`EurekaServerConfigBean` of Spring Cloud Netflix). */
const DEFAULTS = [
  'eureka.server.enable-self-preservation=true',
  'eureka.server.eviction-interval-timer-in-ms=60000',
  'eureka.server.response-cache-update-interval-ms=30000',
  'eureka.server.wait-time-in-ms-when-sync-empty=300000',
  'eureka.server.retention-time-in-m-s-in-delta-queue=180000',
  'eureka.server.delta-retention-timer-interval-in-ms=30000',
];

let eureka: RunningEureka;
beforeAll(async () => {
  eureka = await startRegistry('eureka', { flags: DEFAULTS });
});
afterAll(() => eureka.stop());

describe('a server with Eureka’s own defaults', { timeout: 75_000 }, () => {
  it('shows a change within its cache’s time and a poll, as the adapter declares without options', async () => {
    const servers = [...eureka.endpoints];
    const { propagationMs } = eurekaAdapter().capabilities;
    const [writer, reader] = [
      await openAdapter({ servers }),
      await openAdapter({ servers, pollIntervalMs: 3_000 }),
    ];
    const follower = follow(reader, 'users');
    await expect.poll(() => follower.events.length, { timeout: 5_000 }).toBe(1);
    // Both answers are in the server's cache now.
    expect((await reader.discover(keyOf('users'), soon())).instances).toEqual([]);
    await writer.register(instance('users', 'a'), { ttlMs: 60_000, ...soon() });
    await expect.poll(() => follower.known.size, { timeout: propagationMs, interval: 50 }).toBe(1);
    expect((await reader.discover(keyOf('users'), soon())).instances).toHaveLength(1);
  });
});
