import { describe, expect, it } from 'vitest';
import type { Topology } from '../src/page/api/wire.ts';
import { layOut, type Picture } from '../src/page/state/topology-layout.ts';

describe('the picture of the namespaces', () => {
  it('has each of them once, none upon another', () => {
    const picture = layOut(topologyOf(['a', 'b', 'c', 'd', 'e'], [['a', 'b']]), 900);
    expect(picture.boxes.map(({ namespace }) => namespace.name).toSorted()).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ]);
    for (const one of picture.boxes)
      for (const other of picture.boxes) if (one !== other) expect(overlap(one, other)).toBe(false);
  });

  it('leads from left to right', () => {
    const picture = layOut(
      topologyOf(
        ['ledger', 'shop', 'web'],
        [
          ['web', 'shop'],
          ['shop', 'ledger'],
        ],
      ),
      1_200,
    );
    expect(xOf(picture, 'web')).toBeLessThan(xOf(picture, 'shop'));
    expect(xOf(picture, 'shop')).toBeLessThan(xOf(picture, 'ledger'));
  });

  it('ends where namespaces call each other in a circle', () => {
    const picture = layOut(
      topologyOf(
        ['a', 'b'],
        [
          ['a', 'b'],
          ['b', 'a'],
        ],
      ),
      1_200,
    );
    expect(picture.arrows).toHaveLength(2);
  });

  it('is one column on a phone', () => {
    const picture = layOut(
      topologyOf(
        ['a', 'b', 'c'],
        [
          ['a', 'b'],
          ['b', 'c'],
        ],
      ),
      345,
    );
    expect(new Set(picture.boxes.map(({ x }) => x)).size).toBe(1);
    expect(picture.width).toBeLessThanOrEqual(345);
  });

  it('leaves out arrows to what this person may not see', () => {
    expect(layOut(topologyOf(['a'], [['a', 'hidden/service']]), 900).arrows).toEqual([]);
  });

  it('shows the services that matter where there are too many', () => {
    const topology: Topology = {
      namespaces: [
        { name: 'a', mode: 'limited', services: [] },
        {
          name: 'b',
          mode: 'limited',
          services: Array.from({ length: 40 }, (_, i) => ({
            name: `service-${i}`,
            up: i === 30 ? 0 : 1,
            total: 1,
          })),
        },
      ],
      crossings: [{ from: 'a', to: 'b/service-39', why: 'allowed' }],
    };
    const box = layOut(topology, 900).boxes.find(({ namespace }) => namespace.name === 'b');
    const shown = box?.services.map(({ service }) => service.name);
    expect(shown).toContain('service-39');
    expect(shown).toContain('service-30');
    expect(box?.more).toBe(30);
  });
});

function topologyOf(names: readonly string[], ways: readonly (readonly [string, string])[]): Topology {
  return {
    namespaces: names.map((name) => ({ name, mode: 'limited', services: [{ name: 's', up: 1, total: 1 }] })),
    crossings: ways.map(([from, to]) => ({ from, to, why: 'allowed' })),
  };
}

function xOf({ boxes }: Picture, name: string): number {
  return boxes.find(({ namespace }) => namespace.name === name)?.x ?? Number.NaN;
}

function overlap(a: Picture['boxes'][number], b: Picture['boxes'][number]): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
