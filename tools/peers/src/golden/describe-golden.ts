import { readFileSync } from 'node:fs';
import { defineInstance, type InstanceSpec, RegistryError, type ServiceInstance } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { SERVICE } from './cases.ts';

/** What each entry of a golden file is as an instance, of `orders` where it names no other; or, as a text, why it is none. */
export type Meant = Readonly<Record<string, (Omit<InstanceSpec, 'service'> & { service?: string }) | string>>;

/** Of `kratosCases`, in a registry where an instance has one entry. */
export const KRATOS_MEANT = {
  'one endpoint, a weight': {
    id: 'k-1',
    host: '10.0.0.7',
    port: 9000,
    scheme: 'grpc',
    version: 'v1.2.0',
    weight: 30,
    metadata: { team: 'blue' },
  },
  'two endpoints': {
    id: 'k-2',
    host: '10.0.0.8',
    port: 8000,
    scheme: 'http',
    version: 'v1.2.0',
    endpoints: ['grpc://10.0.0.8:9000'],
  },
  'TLS, no version, no metadata': { id: 'k-3', host: '10.0.0.9', port: 9000, scheme: 'grpcs' },
} as const satisfies Meant;

/** And of `kratosOddCases`. */
export const KRATOS_ODD_MEANT = {
  IPv6: { id: 'k-4', host: '2001:db8::7', port: 8443, scheme: 'https', version: 'v1.2.0' },
  'no endpoint': 'it has no endpoint',
} as const satisfies Meant;

/**
 * Defines the tests of a golden file of `npm run golden`: every entry that a framework's own library wrote is read as it was meant.
 *
 * @param test the address of the test file, beside which the folder `golden` is: `import.meta.url`.
 * @param layout names the file in it.
 * @param read of one entry, as the file has it.
 */
export function describeGolden(
  test: string,
  layout: string,
  read: (entry: never) => ServiceInstance,
  meant: Meant,
): void {
  const file = new URL(`golden/${layout}.json`, test);
  const { entries } = JSON.parse(readFileSync(file, 'utf8')) as { entries: Readonly<Record<string, never>> };
  describe(`what ${layout}’s own library writes`, () => {
    it('is all looked at', () => {
      expect(Object.keys(entries).toSorted()).toEqual(Object.keys(meant).toSorted());
    });

    it.each(Object.entries(meant))('is read: %s', (what, spec) => {
      const entry = entries[what] as never;
      if (typeof spec === 'string') expect(() => read(entry)).toThrow(new RegistryError('PROTOCOL', spec));
      else expect(read(entry)).toEqual(defineInstance({ service: SERVICE, ...spec }));
    });
  });
}
