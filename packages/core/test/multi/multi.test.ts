import {
  createRegistry,
  type MemoryStore as Store,
  MemoryStore,
  memoryAdapter,
  Registry,
  type RegistryAdapter,
  RegistryError,
  type RollcallConfigInput,
  type ServiceInstance,
} from '@rollcall/core';
import { alteredAdapter, ManualClock, seededRandom } from '@rollcall/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adapter as multi } from '../../src/multi/index.ts';
import { type MultiOptions, multiOptions } from '../../src/multi/options.ts';
import { listedIn, testConfig } from '../support/rig.ts';

const SERVICE = 'user-service';

/** Two memory registries, `old` and `new`, and handles that use both. */
class Rig {
  readonly clock = new ManualClock();
  readonly old = new MemoryStore({ clock: this.clock });
  readonly new = new MemoryStore({ clock: this.clock });
  readonly warnings: string[] = [];
  /** What the source `old` does otherwise than a memory registry. */
  oldOtherwise: Partial<RegistryAdapter> = {};
  readonly #random = seededRandom(7);

  async both(read: 'merged' | 'first' = 'merged', config: RollcallConfigInput = {}): Promise<Registry> {
    return this.#handle(await this.#adapter(read, testConfig(config)), config);
  }

  /** The adapter alone, as an operator uses it. */
  adapter(): Promise<RegistryAdapter> {
    return this.#adapter('merged', testConfig({}));
  }

  one(store: Store): Registry {
    return this.#handle(memoryAdapter({ store }));
  }

  /** Ids and statuses that are listed. */
  listed(store: Store): string[] {
    return words(listedIn(store, SERVICE));
  }

  #handle(adapter: RegistryAdapter, config: RollcallConfigInput = {}): Registry {
    const registry = new Registry({
      adapter,
      config: testConfig(config),
      clock: this.clock,
      random: this.#random,
    });
    onTestFinished(() => registry.close());
    return registry;
  }

  #adapter(read: 'merged' | 'first', config: ReturnType<typeof testConfig>): Promise<RegistryAdapter> {
    const options: MultiOptions = { read, sources: [{ type: 'old' }, { type: 'new' }] };
    const adapter = (type: string) =>
      Promise.resolve(
        type === 'old'
          ? alteredAdapter(memoryAdapter({ store: this.old }), this.oldOtherwise)
          : memoryAdapter({ store: this.new }),
      );
    return multi.create(multiOptions.parse(options), {
      clock: this.clock,
      warn: (message) => this.warnings.push(message),
      compose: { random: this.#random, config, adapter },
    });
  }
}

function words(instances: readonly ServiceInstance[] | undefined): string[] {
  return (instances ?? []).map(({ id, status }) => `${id} ${status}`).toSorted();
}

const spec = (id: string, port = 8080) => ({ service: SERVICE, id, host: '10.0.0.7', port });

describe('an instance is listed in every source', () => {
  it('and updated and taken off in each', async () => {
    const rig = new Rig();
    const one = (await rig.both()).register(spec('a'));
    await rig.clock.advance(100);
    expect([rig.listed(rig.old), rig.listed(rig.new)]).toEqual([['a UP'], ['a UP']]);
    void one.drain();
    await rig.clock.advance(100);
    expect([rig.listed(rig.old), rig.listed(rig.new)]).toEqual([['a OUT_OF_SERVICE'], ['a OUT_OF_SERVICE']]);
    const gone = one.deregister();
    await rig.clock.advance(500);
    await gone;
    expect([rig.listed(rig.old), rig.listed(rig.new)]).toEqual([[], []]);
  });

  it('an update can take a field away', async () => {
    const rig = new Rig();
    const one = (await rig.both()).register({ ...spec('a'), metadata: { colour: 'red' } });
    await rig.clock.advance(100);
    void one.update({ metadata: {} });
    await rig.clock.advance(100);
    for (const store of [rig.old, rig.new]) expect(listedIn(store, SERVICE)[0]?.metadata ?? {}).toEqual({});
  });

  it('in those that can be reached, and in the others as soon as they can', async () => {
    const rig = new Rig();
    rig.old.setOutage(true);
    const one = (await rig.both()).register(spec('a'));
    await rig.clock.advance(2_000);
    expect(one.state).toBe('registered');
    expect(rig.listed(rig.new)).toEqual(['a UP']);
    expect(rig.warnings.some((line) => line.startsWith('old: user-service/a: '))).toBe(true);
    rig.old.setOutage(false);
    await rig.clock.advance(6_000);
    expect(rig.listed(rig.old)).toEqual(['a UP']);
  });

  it('again, in the one source that an operator took it out of', async () => {
    const rig = new Rig();
    const one = (await rig.both()).register(spec('a'));
    await rig.clock.advance(100);
    rig.new.remove(one.instance);
    await rig.clock.advance(40_000);
    expect([rig.listed(rig.old), rig.listed(rig.new)]).toEqual([['a UP'], ['a UP']]);
  });

  it('and is lost only when no source has it', async () => {
    const rig = new Rig();
    const one = (await rig.both()).register(spec('a'));
    await rig.clock.advance(100);
    rig.old.setOutage(true);
    await rig.clock.advance(60_000);
    expect(one.state).toBe('registered');
    rig.new.setOutage(true);
    await rig.clock.advance(60_000);
    expect(one.state).not.toBe('registered');
    rig.new.setOutage(false);
    await rig.clock.advance(15_000);
    expect(one.state).toBe('registered');
  });
});

describe('an override', () => {
  const key = { namespace: 'default', service: SERVICE, id: 'a' };
  const change = { status: 'OUT_OF_SERVICE' } as const;
  const call = { signal: new AbortController().signal };
  const override = async (rig: Rig) => {
    const adapter = await rig.adapter();
    onTestFinished(() => adapter.close());
    const done = adapter.override?.(key, change, call) ?? Promise.resolve();
    done.catch(() => {});
    await rig.clock.advance(10_000);
    return done;
  };

  it('is made in every source that lists the instance', async () => {
    const rig = new Rig();
    (await rig.both()).register(spec('a'));
    rig.one(rig.new).register(spec('b', 8081));
    await rig.clock.advance(100);
    await override(rig);
    expect([rig.listed(rig.old), rig.listed(rig.new)]).toEqual([
      ['a OUT_OF_SERVICE'],
      ['a OUT_OF_SERVICE', 'b UP'],
    ]);
  });

  it('is made where it can be; of a source that can’t be reached a warning tells', async () => {
    const rig = new Rig();
    (await rig.both()).register(spec('a'));
    await rig.clock.advance(100);
    rig.old.setOutage(true);
    await override(rig);
    expect(rig.listed(rig.new)).toEqual(['a OUT_OF_SERVICE']);
    expect(rig.warnings.filter((line) => line.includes('override'))).toEqual([
      'override user-service/a: not done in old: do it again when it is back',
    ]);
  });

  it('is refused where none of the sources that can be reached lists the instance; fails where none can', async () => {
    const rig = new Rig();
    await expect(override(rig)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'id' });
    rig.old.setOutage(true);
    await expect(override(rig)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'id' });
    rig.new.setOutage(true);
    await expect(override(rig)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('done nowhere: old: ') as string,
    });
  });

  it('fails where a source that lists the instance can’t, and says where it is done', async () => {
    const rig = new Rig();
    (await rig.both()).register(spec('a'));
    await rig.clock.advance(100);
    rig.oldOtherwise = {
      override: () => Promise.reject(new RegistryError('UNSUPPORTED', 'it never could')),
    };
    await expect(override(rig)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'override user-service/a: done in new alone: old: it never could',
    });
  });
});

describe('a source that takes requests and answers nothing', () => {
  const never = () => new Promise<never>(() => {});

  it('holds up no registration', async () => {
    const rig = new Rig();
    rig.oldOtherwise = { register: never };
    const one = (await rig.both()).register(spec('a'));
    await rig.clock.advance(1_100);
    expect([one.state, rig.listed(rig.new)]).toEqual(['registered', ['a UP']]);
  });

  it('holds up no reader beyond the time that one request may take', async () => {
    const rig = new Rig();
    rig.oldOtherwise = {
      discover: never,
      watch: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
    };
    rig.one(rig.new).register(spec('c'));
    const first = (await rig.both()).service(SERVICE).load();
    await rig.clock.advance(5_000);
    expect(words((await first).instances)).toEqual(['c UP']);
  });
});

describe('who leaves while a source is down', () => {
  async function leave(rig: Rig) {
    const registry = await rig.both();
    const one = registry.register(spec('a'));
    registry.register(spec('b', 8081));
    const reader = (await rig.both()).service(SERVICE);
    await rig.clock.advance(3_000);
    rig.old.setOutage(true);
    await rig.clock.advance(1_000);
    const gone = one.deregister();
    await rig.clock.advance(3_000);
    await gone;
    return reader;
  }

  it('is gone for those who read, though that source had it', async () => {
    const rig = new Rig();
    const reader = await leave(rig);
    expect(words(reader.snapshot?.instances)).toEqual(['b UP']);
    expect(rig.warnings.some((line) => line.includes('old did not confirm it'))).toBe(true);
  });

  it('is taken off there, and not brought back, when the source is back', async () => {
    const rig = new Rig();
    await leave(rig);
    rig.old.setOutage(false);
    await rig.clock.advance(10_000);
    expect(rig.listed(rig.old)).toEqual(['b UP']);
    await rig.clock.advance(120_000);
    expect(rig.listed(rig.old)).toEqual(['b UP']);
  });
});

describe('a list is made of all sources', () => {
  it('without doubles', async () => {
    const rig = new Rig();
    rig.one(rig.old).register(spec('a', 1));
    (await rig.both()).register(spec('b', 2));
    rig.one(rig.new).register(spec('c', 3));
    // Another program's id for the same instance.
    rig.one(rig.new).register(spec('also-a', 1));
    const reader = (await rig.both()).service(SERVICE);
    await rig.clock.advance(500);
    expect(words(reader.snapshot?.instances)).toEqual(['a UP', 'b UP', 'c UP']);
  });

  it('and follows the changes of each', async () => {
    const rig = new Rig();
    const inOld = rig.one(rig.old).register(spec('a', 1));
    const reader = (await rig.both()).service(SERVICE);
    const seen: string[][] = [];
    reader.subscribe(({ instances }) => seen.push(words(instances)));
    await rig.clock.advance(500);
    rig.one(rig.new).register(spec('c', 3));
    await rig.clock.advance(500);
    void inOld.deregister();
    await rig.clock.advance(500);
    expect(seen).toEqual([['a UP'], ['a UP', 'c UP'], ['c UP']]);
  });

  it('the first list waits for every source that answers', async () => {
    const rig = new Rig();
    rig.one(rig.new).register(spec('c', 3));
    await rig.clock.advance(100);
    const reader = (await rig.both()).service(SERVICE);
    const seen: string[][] = [];
    reader.subscribe(({ instances }) => seen.push(words(instances)));
    await rig.clock.advance(1_000);
    expect(seen).toEqual([['c UP']]);
  });

  it('one source that is down, from the start or later, empties nothing and stays unnoticed but in the log', async () => {
    const rig = new Rig();
    rig.old.setOutage(true);
    rig.one(rig.new).register(spec('c', 3));
    const reader = (await rig.both()).service(SERVICE);
    await rig.clock.advance(6_000);
    expect([reader.status, words(reader.snapshot?.instances)]).toEqual(['live', ['c UP']]);
    rig.old.setOutage(false);
    rig.one(rig.old).register(spec('a', 1));
    await rig.clock.advance(15_000);
    expect(words(reader.snapshot?.instances)).toEqual(['a UP', 'c UP']);
    rig.old.setOutage(true);
    await rig.clock.advance(60_000);
    expect([reader.status, words(reader.snapshot?.instances)]).toEqual(['live', ['a UP', 'c UP']]);
    expect(rig.warnings.some((line) => line.startsWith('old: user-service: the last good list stays'))).toBe(
      true,
    );
  });

  it('when all are down the last good list stays, and says so', async () => {
    const rig = new Rig();
    (await rig.both()).register(spec('a'));
    const reader = (await rig.both()).service(SERVICE);
    await rig.clock.advance(500);
    rig.old.setOutage(true);
    rig.new.setOutage(true);
    await rig.clock.advance(10_000);
    expect([reader.status, words(reader.snapshot?.instances)]).toEqual(['stale', ['a UP']]);
    expect(reader.error?.message).toContain('no source can: old: ');
    await expect((await rig.both()).services()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('first: only what the first source lists, and the next where it lists none', async () => {
    const rig = new Rig();
    rig.one(rig.new).register(spec('c', 3));
    const reader = (await rig.both('first')).service(SERVICE);
    await rig.clock.advance(500);
    expect(words(reader.snapshot?.instances)).toEqual(['c UP']);
    rig.one(rig.old).register(spec('a', 1));
    await rig.clock.advance(500);
    expect(words(reader.snapshot?.instances)).toEqual(['a UP']);
  });

  it('and so are the names of the services', async () => {
    const rig = new Rig();
    rig.one(rig.old).register({ ...spec('a', 1), service: 'orders' });
    rig.one(rig.new).register(spec('c', 3));
    await rig.clock.advance(100);
    expect(await (await rig.both()).services()).toEqual(['orders', SERVICE]);
    rig.old.setOutage(true);
    expect(await (await rig.both()).services()).toEqual([SERVICE]);
  });
});

it('close leaves no timer behind', async () => {
  const rig = new Rig();
  const registry = await rig.both();
  registry.register(spec('a'));
  registry.service(SERVICE).subscribe(() => {});
  await rig.clock.advance(1_000);
  await registry.close();
  // The stores' own leases run out.
  await rig.clock.advance(60_000);
  expect(rig.clock.pending).toBe(0);
});

describe('a configuration that is wrong names the source', () => {
  const withSources = (sources: unknown, more: object = {}) =>
    createRegistry({
      env: {},
      cwd: import.meta.dirname,
      config: { registry: { type: 'multi', options: { sources, ...more } } },
    }).then((registry) => registry.close());

  it.each([
    ['no source', [], 'registry.options.sources'],
    ['an unknown type', [{ type: 'memory' }, { type: 'etdc' }], 'registry.options.sources[1].type'],
    ['two of one name', [{ type: 'memory' }, { type: 'memory' }], 'registry.options.sources[1].name'],
    ['itself', [{ type: 'multi' }], 'registry.options.sources[0].type'],
    ['none to write', [{ type: 'memory', use: 'read' }], 'registry.options.sources'],
    [
      'an option that its registry does not have',
      [{ type: 'memory', options: { stroe: 'a' } }],
      'registry.options.sources[0].options.stroe',
    ],
  ])('%s', async (_what, sources, field) => {
    await expect(withSources(sources)).rejects.toMatchObject({ code: 'INVALID_CONFIG', field });
  });

  it('and a right one works', async () => {
    const sources = [
      { type: 'memory', name: 'one', options: { store: 'multi-one' } },
      { type: 'memory', name: 'two', options: { store: 'multi-two' } },
    ];
    await expect(withSources(sources, { read: 'first' })).resolves.toBeUndefined();
  });
});
