import { encodeSegment } from '@rollcall/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { path } from '../src/page/api/path.ts';

describe('a path of the API', () => {
  it('has each name as one segment, encoded as the core does', () => {
    const names = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(names, names, (namespace, service) => {
        expect(path`/v1/namespaces/${namespace}/services/${service}/events`).toBe(
          `/v1/namespaces/${encodeSegment(namespace)}/services/${encodeSegment(service)}/events`,
        );
      }),
    );
  });

  it('can’t climb', () => {
    expect(path`/v1/${'../../admin'}`).toBe('/v1/%2E.%2F..%2Fadmin');
  });
});
