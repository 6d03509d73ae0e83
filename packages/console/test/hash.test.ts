import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, routeOf } from '../src/page/state/hash.ts';

const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed());

describe('the address of a view', () => {
  it('means the same view again, whatever the names hold', () => {
    fc.assert(
      fc.property(name, name, fc.option(name, { nil: undefined }), (namespace, service, id) => {
        const route = { view: 'instances', namespace, service, id } as const;
        expect(routeOf(hashOf(route))).toEqual(route);
      }),
    );
  });

  it.each(['', '#', '#/', '#/nothing/here', '#/services', '#/services/', '#/services/%E0%A4%A'])(
    'that means none leads to the services: %j',
    (hash) => {
      expect(routeOf(hash)).toEqual({ view: 'services', namespace: undefined });
    },
  );

  it.each(['topology', 'changes', 'access'] as const)('of %s is its name', (view) => {
    expect(routeOf(`#/${view}`)).toEqual({ view });
    expect(hashOf({ view })).toBe(`#/${view}`);
  });
});
