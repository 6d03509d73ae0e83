import { MemoryStore, memoryAdapter } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { describe, expect, it, vi } from 'vitest';
import type { AdapterHarness } from '../src/index.ts';
import { BROKEN_ADAPTERS, type BrokenAdapter } from './broken-adapters.ts';
import { memoryHarness } from './memory-harness.ts';
import { collect, runKit } from './run-kit.ts';
import { Gate, stallable } from './stallable.ts';

// Each waits for most of its time.
vi.setConfig({ maxConcurrency: 12 });

describe('the kit', () => {
  it('passes a good adapter, and skips nothing', async () => {
    const { failed, passed, skipped } = await runKit(goodHarness);
    expect([...failed]).toEqual([]);
    expect(passed.length).toBeGreaterThan(80);
    expect(skipped).toEqual([]);
  });
});

describe.concurrent('the kit catches an adapter that', () => {
  it.each(BROKEN_ADAPTERS)(
    '$name',
    async (broken) => {
      const [group] = broken.breaks.split(' > ');
      const { failed } = await runKit(
        () => brokenHarness(broken),
        (title) => title.startsWith(`${group} > `),
      );
      const caughtBy = [...failed.keys()];
      expect(caughtBy).toContain(broken.breaks);
      const sensible = new Set([broken.breaks, ...(broken.also ?? [])]);
      expect(caughtBy.filter((title) => !sensible.has(title))).toEqual([]);
    },
    30_000,
  );
});

describe('what the registry or the harness cannot do', () => {
  const good = goodHarness();
  const { sample } = good;

  it('is skipped, never left out', () => {
    const all = collect(good);
    const bare = collect({ name: 'bare', sample, createAdapter: () => good.createAdapter() });
    expect(bare.tests.size + bare.skipped.length).toBe(all.tests.size + all.skipped.length);
    expect(bare.skipped).toContain(`watch > nothing is lost when every connection is cut`);
  });

  it('is read from the capabilities and methods of the sample', () => {
    const poor = alteredAdapter(sample, {
      capabilities: {
        ...sample.capabilities,
        namespaces: false,
        anyName: false,
        liveness: 'probe',
        fields: [],
      },
    });
    delete poor.watch;
    delete poor.override;
    const { skipped } = collect({ name: 'poor', sample: poor, createAdapter: () => poor });
    expect(skipped).toContain('watch > the first item is a full list');
    expect(skipped).toContain('an override > is seen by another client, and changes nothing else');
    expect(skipped).toContain(
      'discover and listServices > the same service in two namespaces is two services',
    );
    expect(skipped).toContain('names and metadata > an awkward id comes back as it was written');
    expect(skipped).toContain('names and metadata > awkward metadata comes back as it was written');
    expect(skipped.filter((title) => title.includes('crash'))).toHaveLength(3);
  });
});

function goodHarness(): AdapterHarness {
  return brokenHarness({ name: 'is good', breaks: '', spoil: () => () => ({}) });
}

function brokenHarness(broken: BrokenAdapter): AdapterHarness {
  const store = new MemoryStore();
  const gate = new Gate();
  const spoil = broken.spoil(store);
  const harness = memoryHarness(store, () => {
    const good = stallable(memoryAdapter({ store }), gate);
    return alteredAdapter(good, spoil(good));
  });
  return { ...harness, name: broken.name, stall: gate };
}
