import type { InstanceSpec } from '@rollcall/core';
import type { Stage } from './stage.ts';

const SERVICES: readonly (readonly [namespace: string, service: string, count: number])[] = [
  ['web', 'storefront', 16],
  ['web', 'admin', 2],
  ['shop', 'cart', 6],
  ['shop', 'catalog', 12],
  ['shop', 'checkout', 8],
  ['shop', 'recommendations', 4],
  ['shop', 'search', 24],
  ['payments', 'fraud-check', 3],
  ['payments', 'ledger', 6],
  ['identity', 'login', 5],
  ['identity', 'mail', 2],
  ['audit', 'trail', 3],
];

const TROUBLED: Readonly<Record<string, Partial<InstanceSpec>>> = {
  'catalog 3': { status: 'DOWN' },
  'catalog 7': { status: 'STARTING' },
  'cart 2': { status: 'OUT_OF_SERVICE' },
  'ledger 2': { weight: 3 },
  'ledger 4': { status: 'OUT_OF_SERVICE' },
  'admin 1': { status: 'DOWN' },
  'admin 2': { status: 'DOWN' },
};

/** A company's services, for the pictures. */
export async function fillShop(stage: Stage): Promise<void> {
  for (const [namespace, service, count] of SERVICES) {
    for (let i = 1; i <= count; i++) {
      await stage.put({
        namespace,
        service,
        host: `10.4.${service.length}.${i}`,
        port: 8080,
        zone: `eu-1${'abc'[i % 3]}`,
        version: i % 5 === 0 ? '2.15.0' : '2.14.1',
        ...(i % 5 === 0 && { tags: ['canary'] }),
        metadata: { build: String(7_400 + i), team: namespace },
        ...TROUBLED[`${service} ${i}`],
      });
    }
  }
}
