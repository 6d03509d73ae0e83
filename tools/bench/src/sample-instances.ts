import { defineInstance, type InstanceSpec, type ServiceInstance } from '@rollcall/core';

/**
 * An instance as services in production write them: an address, a version, a zone, a tag and three metadata entries.
 * About 300 bytes of JSON.
 */
export function sampleSpec(service: string, i: number): InstanceSpec {
  const host = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  return {
    service,
    id: `${service}-${(i * 2_654_435_761) % 4_294_967_296}-${i}`,
    host,
    port: 8_000 + (i % 1_000),
    scheme: 'http',
    version: `1.${i % 40}.0`,
    zone: `eu-central-1${'abc'[i % 3]}`,
    weight: 1 + (i % 100),
    tags: [i % 10 === 0 ? 'canary' : 'stable'],
    metadata: {
      commit: `9fceb02d0ae598e95dc970b74767f19372d6${i}`,
      owner: 'payments',
      node: `worker-${i % 500}`,
    },
  };
}

export function sampleInstance(service: string, i: number): ServiceInstance {
  return defineInstance(sampleSpec(service, i));
}

export function sampleInstances(service: string, count: number): readonly ServiceInstance[] {
  return Array.from({ length: count }, (_, i) => sampleInstance(service, i));
}

/** The names of so many services. */
export function serviceNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `service-${i}`);
}
