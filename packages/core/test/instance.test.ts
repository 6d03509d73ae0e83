import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeInstance,
  decodeSegment,
  defineInstance,
  encodeInstance,
  encodeSegment,
  INSTANCE_STATUSES,
  MAX_SEGMENT_BYTES,
  RegistryError,
  type InstanceSpec,
} from '@rollcall/core';
import { formatAddress, parseAddress, readAddress } from '@rollcall/core/dialects';

const good: InstanceSpec = { service: 'user-service', host: '10.0.0.7', port: 8080 };

/** The error that a spec is refused with. */
function refusal(change: object): RegistryError {
  try {
    defineInstance({ ...good, ...change });
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(change)}`);
}

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

describe('a bad instance is refused, naming the field', () => {
  it.each([
    ['port', { port: 0 }],
    ['port', { port: 65_536 }],
    ['port', { port: 80.5 }],
    ['port', { port: Number.NaN }],
    ['port', { port: '8080' }],
    ['service', { service: '' }],
    ['service', { service: 'x'.repeat(10_240) }],
    ['service', { service: 'a\nb' }],
    ['service', { service: '\ud800' }],
    ['service', { service: 7 }],
    ['id', { id: '' }],
    ['namespace', { namespace: '' }],
    ['host', { host: '' }],
    ['host', { host: 'http://10.0.0.7' }],
    ['host', { host: '10.0.0.7/path' }],
    ['host', { host: '[::1]' }],
    ['host', { host: 'user:secret@host' }],
    ['weight', { weight: -1 }],
    ['weight', { weight: Number.NaN }],
    ['weight', { weight: Number.POSITIVE_INFINITY }],
    ['weight', { weight: 1_000_001 }],
    ['status', { status: 'up' }],
    ['tags', { tags: 'canary' }],
    ['tags[1]', { tags: ['a', 7] }],
    ['metadata', { metadata: [] }],
    ['metadata', { metadata: { '': 'x' } }],
    ['metadata.n', { metadata: { n: 7 } }],
    ['metadata.self', { metadata: cyclic }],
    ['metadata', { metadata: { big: 'x'.repeat(65_537) } }],
    ['endpoints[0]', { endpoints: ['not a url'] }],
    ['endpoints[0]', { endpoints: ['http://user:secret@host:1'] }],
    ['zone', { zone: '' }],
    ['wieght', { wieght: 3 }],
  ])('%s: %o', (field, change) => {
    const error = refusal(change);
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.field).toBe(field);
    expect(error.message).toContain(field);
    expect(error.message).not.toContain('secret');
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('an instance', () => {
  it('gets its address as id, brackets around IPv6', () => {
    expect(defineInstance(good).id).toBe('10.0.0.7:8080');
    expect(defineInstance({ ...good, host: '2001:db8::7' }).id).toBe('[2001:db8::7]:8080');
  });

  it('is frozen, with everything in it', () => {
    const instance = defineInstance({
      ...good,
      tags: ['a'],
      metadata: { a: 'b' },
      endpoints: ['grpc://h:1'],
    });
    for (const part of [instance, instance.tags, instance.metadata, instance.endpoints]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('leaves out what is empty', () => {
    expect(defineInstance({ ...good, tags: [], metadata: {} })).toStrictEqual(defineInstance(good));
  });

  it('keeps a metadata key named __proto__ as data', () => {
    const metadata = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const instance = defineInstance({ ...good, metadata });
    expect(Object.entries(instance.metadata ?? {})).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(instance.metadata)).toBe(Object.prototype);
  });
});

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const spec = fc.record(
  {
    service: fc.constant('s'),
    host: fc.constantFrom('10.0.0.7', 'example.test', '2001:db8::1'),
    port: fc.integer({ min: 1, max: 65_535 }),
    status: fc.constantFrom(...INSTANCE_STATUSES),
    weight: fc.double({ min: 0, max: 1_000_000, noNaN: true }),
    scheme: text,
    version: text,
    zone: text,
    tags: fc.array(text, { maxLength: 3 }),
    metadata: fc.dictionary(text, fc.string({ unit: 'grapheme' })),
  },
  { requiredKeys: ['service', 'host', 'port'] },
);

describe('the wire layout', () => {
  it('gives back every instance as it was', () => {
    fc.assert(
      fc.property(spec, (any) => {
        const instance = defineInstance(any);
        expect(decodeInstance(encodeInstance(instance), instance)).toStrictEqual(instance);
      }),
    );
  });

  it('holds neither what the key says nor what is at its default', () => {
    expect(encodeInstance(defineInstance(good))).toBe('{"host":"10.0.0.7","port":8080}');
  });

  it('reads a status that it does not know as UNKNOWN, and passes over unknown fields', () => {
    const key = { namespace: 'default', service: 's', id: 'i' };
    const read = decodeInstance('{"host":"h","port":1,"status":"SLEEPY","since":2027}', key);
    expect(read).toStrictEqual(defineInstance({ ...key, host: 'h', port: 1, status: 'UNKNOWN' }));
  });

  it.each([
    '',
    '{',
    '7',
    'null',
    '[]',
    '{}',
    '{"host":"h"}',
    '{"host":"h","port":"80"}',
    '{"host":"h","port":1,"tags":7}',
  ])('says of garbage that it is garbage: %s', (garbage) => {
    const read = () => decodeInstance(garbage, { namespace: 'default', service: 's', id: 'i' });
    expect(read).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

describe('an address', () => {
  it.each([
    ['10.0.0.5:2181', '10.0.0.5', 2181],
    ['node-1.example.com:80', 'node-1.example.com', 80],
    ['[2001:db8::1]:2181', '2001:db8::1', 2181],
  ])('%s is written and read', (address, host, port) => {
    expect(readAddress(address)).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(address);
  });

  it.each([
    '',
    'host',
    'host:',
    'host:0',
    'host:65536',
    '2001:db8::1:80',
    'a:1,b:1',
    'u:p@h:1',
    'http://h:1',
    'h:1/x',
  ])('is not %j', (other) => {
    expect(readAddress(other)).toBeUndefined();
    expect(() => parseAddress(other)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

describe('a name as a piece of a key', () => {
  it('comes back, holds no separator, and can not climb', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const segment = encodeSegment(name);
        expect(decodeSegment(segment)).toBe(name);
        expect(segment).not.toMatch(/[/\\\s]/u);
        expect(['.', '..']).not.toContain(segment);
      }),
    );
  });

  it.each(['%', '%zz', 'a b', '..', '%61'])('is not read from what was never written: %s', (segment) => {
    expect(decodeSegment(segment)).toBeUndefined();
  });

  it('may be as long as the limit, once encoded', () => {
    expect(defineInstance({ ...good, service: 'x'.repeat(MAX_SEGMENT_BYTES) }).service).toHaveLength(
      MAX_SEGMENT_BYTES,
    );
    expect(refusal({ service: 'é'.repeat(41) }).message).toContain(`takes 246 bytes`);
  });
});
