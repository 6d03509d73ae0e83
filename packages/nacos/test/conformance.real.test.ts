import { type AdapterHarness, adapterConformance, type TestFunctions } from '@rollcall/conformance';
import type { Lease, RegistryAdapter } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { type RunningNacos, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nacosAdapter, type NacosOptions } from '../src/index.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { springLayout } from '../src/layouts/spring.ts';
import { type ProxiedNacos, soon, startProxies, Stranger, START_MS } from './real-nacos.ts';

const LAYOUTS = { rollcall: rollcallLayout, spring: springLayout, kratos: kratosLayout };

const CASES = {
  nacos: [{ layout: 'rollcall' }, { layout: 'spring' }, { layout: 'kratos' }],
  nacos2: [{ layout: 'rollcall' }, { layout: 'rollcall', transport: 'http' }],
} as const satisfies Record<string, readonly NacosOptions[]>;

const left = new Map<string, Set<string>>();

describe.each(['nacos', 'nacos2'] as const)('%s', (type) => {
  let nacos: RunningNacos;
  let proxies: ProxiedNacos;
  /** Each client has proxies of its own before the common ones, so that one can be cut off alone. */
  const own = new Set<ProxiedNacos>();
  const owner = new Map<Lease, ProxiedNacos>();
  const strangers: Stranger[] = [];
  beforeAll(async () => {
    nacos = await startRegistry(type);
    proxies = await startProxies(nacos.endpoints[0] ?? '');
  }, START_MS);
  afterAll(async () => {
    for (const stranger of strangers) stranger.close();
    await Promise.all([...own].map((each) => each.stop()));
    await proxies.stop();
    await nacos.stop();
  });

  const createAdapter = async (options: NacosOptions): Promise<RegistryAdapter> => {
    const before = await startProxies(proxies.server);
    own.add(before);
    const inner = nacosAdapter({ ...options, servers: [before.server] });
    return alteredAdapter(inner, {
      async register(instance, registerOptions) {
        const lease = await inner.register(instance, registerOptions);
        owner.set(lease, before);
        return lease;
      },
      async close() {
        await inner.close();
        await before.stop();
        own.delete(before);
      },
    });
  };
  const reset = async (each: ProxiedNacos | undefined) => {
    await each?.cut();
    await each?.restore();
  };
  const operator: Pick<AdapterHarness, 'removeEntry' | 'revokeLease'> = {
    // By HTTP everybody may take out everything, and to take out is to end the lease.
    async removeEntry(entry) {
      const adapter = nacosAdapter({ servers: [...nacos.endpoints], transport: 'http' });
      await adapter.open(soon().signal);
      await adapter.deregister(entry, soon());
      await adapter.close();
    },
    revokeLease: (entry) => operator.removeEntry?.(entry),
  };
  const faults: Pick<AdapterHarness, 'cutConnections' | 'outage' | 'stall'> = {
    cutConnections: () => reset(proxies),
    outage: { begin: () => proxies.cut(), end: () => proxies.restore() },
    stall: { begin: () => proxies.blackhole(), end: () => proxies.restore() },
  };

  for (const options of CASES[type]) {
    const isHttp = 'transport' in options;
    const name = `${type} (${Object.values(options).join(', ')})`;
    const reasons = new Set<string>();
    left.set(name, reasons);
    const every = it;
    const unlessSlow: TestFunctions['it'] = (title, test, ms) =>
      SLOW.test(title) ? void reasons.add(SAME) : every(title, test, ms);
    const tests = {
      describe,
      it: name === 'nacos2 (rollcall)' ? unlessSlow : every,
      skip: (_title: string, reason: string) => void reasons.add(reason),
    };
    adapterConformance(tests, {
      name,
      otherLayout: options.layout !== 'rollcall',
      sample: nacosAdapter(options),
      createAdapter: () => createAdapter(options),
      ttlMs: 3_000,
      async plant(entry, content) {
        const stranger = new Stranger(nacos.endpoints[0] ?? '', LAYOUTS[options.layout]);
        strangers.push(stranger);
        await stranger.write(entry, { 'rollcall.id': entry.id, 'rollcall.weight': content });
      },
      revokeLease: (_entry, lease) => reset(owner.get(lease)),
      ...(options.layout === 'rollcall' && faults),
      ...(isHttp && operator),
    });
  }
});

/** The minute of a TTL, which by gRPC is the server's own. */
const SLOW = /past two TTLs|no beat of a sibling/u;
const SAME = 'it takes a minute, and is the same on the other server';

it('only what does not apply is left out', () => {
  const always = [
    'the adapter has no watchServices method',
    'the harness has no removeEntry',
    "the registry's liveness is session, not lease",
  ];
  const plain = [
    'it is the same with each layout',
    'the adapter has no watchServices method',
    'the harness has no removeEntry',
    'the registry does not take any name',
  ].toSorted();
  expect(Object.fromEntries([...left].map(([name, reasons]) => [name, [...reasons].toSorted()]))).toEqual({
    'nacos (rollcall)': always,
    'nacos (spring)': plain,
    'nacos (kratos)': plain,
    'nacos2 (rollcall)': [SAME, ...always],
    'nacos2 (rollcall, http)': ['the adapter has no watch method', 'the adapter has no watchServices method'],
  });
});
