import { type Peer, type SpringApplication, type SpringView, startSpring } from '@rollcall-tools/peers';
import { type RunningEureka, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { follow, instance, openAdapter, soon } from './adapter-under-test.ts';

const ttlMs = 10_000;
/** The server shows a change within half a second, and Spring asks each second. */
const seen = { timeout: 10_000 };

let eureka: RunningEureka;
let spring: Peer<SpringApplication, SpringView>;
beforeAll(async () => {
  eureka = await startRegistry('eureka', { own: true });
  spring = await startSpring('eureka', eureka.endpoints[0] ?? '', {
    'eureka.client.registry-fetch-interval-seconds': '1',
    'eureka.client.initial-instance-info-replication-interval-seconds': '1',
  });
});
afterAll(async () => {
  await spring.stop();
  await eureka.stop();
});
const open = () => openAdapter({ servers: [...eureka.endpoints], layout: 'spring' });

describe('Spring Cloud on Eureka', () => {
  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open(), 'bills');
    const given = {
      key: 'a',
      properties: {
        'spring.application.name': 'bills',
        'eureka.instance.instance-id': 'from-spring',
        'eureka.instance.hostname': 'bills-9.internal',
        'eureka.instance.non-secure-port': '9090',
        'eureka.instance.metadata-map.zone': 'eu-1a',
        'eureka.instance.metadata-map.team': 'accounts',
      },
    };
    await spring.register(given);
    const found = { host: 'bills-9.internal', port: 9090, zone: 'eu-1a', status: 'UP' };
    await vi.waitFor(() => expect(follower.known.get('from-spring')).toMatchObject(found), seen);
    expect(follower.known.get('from-spring')?.metadata).toMatchObject({ team: 'accounts' });
    await spring.update({ key: 'a', status: 'OUT_OF_SERVICE' });
    await vi.waitFor(
      () => expect(follower.known.get('from-spring')).toMatchObject({ ...found, status: 'OUT_OF_SERVICE' }),
      seen,
    );
    await spring.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open();
    const told = await spring.watch('parcels');
    const given = instance('parcels', 'from-rollcall', { zone: 'eu-1a', metadata: { team: 'red' } });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      service: 'PARCELS',
      id: 'from-rollcall',
      host: '10.0.0.7',
      port: 8080,
      secure: false,
      url: 'http://10.0.0.7:8080',
      metadata: { team: 'red', zone: 'eu-1a' },
    };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    expect(await spring.list('parcels')).toEqual([found]);
    await adapter.register({ ...given, scheme: 'https', metadata: { team: 'blue' } }, { ttlMs, ...soon() });
    const changed = {
      ...found,
      secure: true,
      url: 'https://10.0.0.7:8080',
      metadata: { team: 'blue', zone: 'eu-1a' },
    };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([changed]), seen);
    // Spring's client shows those that are UP alone.
    await adapter.register({ ...given, status: 'OUT_OF_SERVICE' }, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
    await adapter.register(given, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});
