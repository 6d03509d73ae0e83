import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Whose tests take minutes, the longest first. Mostly they wait: for leases that run out, and for servers that start. */
const LONG = [
  'tools/faults/test/faults.real.test.ts',
  'packages/nacos/test/conformance.real.test.ts',
  'examples/main-job/test/main-job.real.test.ts',
  'packages/eureka/test/conformance.real.test.ts',
  'packages/consul/test/conformance.real.test.ts',
  'packages/gateway-client/test/conformance.real.test.ts',
];

/** Begins with the files that take longest, so that no lane of tests is left alone with one of them in the end. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer's method of that name
    const usual = await super.sort(files);
    return usual.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place === -1 ? LONG.length : place;
}
