import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineInstance, type InstanceSpec } from '../../src/index.ts';
import { type Listing, Merger } from '../../src/multi/merge.ts';

function instance(id: string, more: Partial<InstanceSpec> = {}) {
  return defineInstance({ service: 'user-service', id, host: `${id}.test`, port: 8080, ...more });
}

const a = instance('a');
const b = instance('b');
const c = instance('c');

const live = (...instances: Listing['instances'] & object): Listing => ({ instances, isLive: true });
const away = (...instances: Listing['instances'] & object): Listing => ({ instances, isLive: false });
const idsOf = (merger: Merger, ...listings: Listing[]) => [...merger.merge(listings).keys()].toSorted();

describe('merged', () => {
  const merged = () => new Merger('merged');

  it('is everything that a source lists', () => {
    expect(idsOf(merged(), live(a, b), live(c))).toEqual(['a', 'b', 'c']);
  });

  it('has an id once, as the first source tells it', () => {
    const other = instance('a', { weight: 7 });
    expect(merged().merge([live(a), live(other)])).toEqual(new Map([['a', a]]));
  });

  it('has an address once, though it goes by another id in another source', () => {
    const same = instance('x', { host: a.host });
    expect(idsOf(merged(), live(a), live(same, b))).toEqual(['a', 'b']);
  });

  it('has two instances at one address that one source tells apart', () => {
    const same = instance('x', { host: a.host });
    expect(idsOf(merged(), live(a, same), live())).toEqual(['a', 'x']);
  });

  it.each(['OUT_OF_SERVICE', 'DOWN', 'STARTING'] as const)('believes the source that says %s', (status) => {
    const leaving = instance('a', { status });
    expect(
      merged()
        .merge([live(a), live(leaving)])
        .get('a'),
    ).toBe(leaving);
    expect(
      merged()
        .merge([live(leaving), live(a)])
        .get('a'),
    ).toBe(leaving);
  });

  it('asks a source that is away last', () => {
    const old = instance('a', { weight: 7 });
    expect(
      merged()
        .merge([away(old), live(a)])
        .get('a'),
    ).toBe(a);
    const leaving = instance('a', { status: 'OUT_OF_SERVICE' });
    expect(
      merged()
        .merge([away(a), live(leaving)])
        .get('a'),
    ).toBe(leaving);
  });
});

describe('first', () => {
  const first = () => new Merger('first');

  it('is the list of the first source', () => {
    expect(idsOf(first(), live(a), live(b, c))).toEqual(['a']);
  });

  it('is the list of the next, where the first is away or lists none', () => {
    expect(idsOf(first(), away(a), live(b))).toEqual(['b']);
    expect(idsOf(first(), live(), live(b))).toEqual(['b']);
  });

  it('is the last list of the first, where those that can be reached list none', () => {
    expect(idsOf(first(), away(a), live())).toEqual(['a']);
  });
});

describe.each(['merged', 'first'] as const)('%s: a source that is away', (rule) => {
  it('keeps its last list', () => {
    const merger = new Merger(rule);
    merger.merge([live(a, b), live()]);
    expect(idsOf(merger, away(a, b), live())).toEqual(['a', 'b']);
  });

  it('does not vouch for what another has dropped since', () => {
    const merger = new Merger(rule);
    merger.merge([live(a, b), live(a, b)]);
    expect(idsOf(merger, away(a, b), live(b))).toEqual(['b']);
    expect(idsOf(merger, away(a, b), live())).toEqual([]);
  });

  it('is believed again when it is back', () => {
    const merger = new Merger(rule);
    merger.merge([live(a), live(a)]);
    merger.merge([away(a), live()]);
    expect(idsOf(merger, live(a), live())).toEqual(['a']);
  });
});

it('whatever sources list: merged has nothing that nobody lists, and everything that one lists which is reachable', () => {
  const ids = fc.subarray(['a', 'b', 'c', 'd', 'e']);
  const listing = fc.record({ ids, isLive: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.tuple(listing, listing, listing), { minLength: 1, maxLength: 8 }), (turns) => {
      const merger = new Merger('merged');
      for (const turn of turns) {
        const listings = turn.map(({ ids: listed, isLive }) => ({
          instances: listed.map((id) => instance(id)),
          isLive,
        }));
        const all = new Set(turn.flatMap(({ ids: listed }) => listed));
        const reachable = turn.flatMap(({ ids: listed, isLive }) => (isLive ? listed : []));
        const merged = merger.merge(listings);
        for (const id of merged.keys()) expect(all).toContain(id);
        for (const id of reachable) expect(merged.has(id)).toBe(true);
      }
    }),
  );
});
