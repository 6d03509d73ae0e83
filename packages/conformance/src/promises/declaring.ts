import assert from 'node:assert/strict';
import { CARRIED_FIELDS } from '@rollcall/core';
import type { PromiseGroup } from '../promise.ts';

export const declaring: PromiseGroup = {
  title: 'what it says of itself',
  promises: [
    {
      title: 'a client has the capabilities and methods of the sample',
      async test(trial) {
        const { sample } = trial.setting.harness;
        const { adapter } = await trial.client();
        assert.equal(adapter.type, sample.type);
        assert.deepEqual(adapter.capabilities, sample.capabilities);
        for (const method of ['override', 'watch', 'watchServices'] as const) {
          assert.equal(typeof adapter[method], typeof sample[method], `${method} differs from the sample's`);
        }
      },
    },
    {
      title: 'the capabilities make sense',
      async test(trial) {
        const { crashSlackMs, propagationMs, ttlRangeMs, fields } = trial.setting.capabilities;
        for (const [name, ms] of Object.entries({ crashSlackMs, propagationMs, minTtlMs: ttlRangeMs.min })) {
          assert.ok(
            Number.isFinite(ms) && ms >= 0,
            `${name} must be a number of milliseconds, but it is ${ms}`,
          );
        }
        assert.ok(ttlRangeMs.min <= ttlRangeMs.max, 'ttlRangeMs must have min <= max');
        assert.equal(new Set(fields).size, fields.length, 'fields must name each field once');
        const known: readonly string[] = CARRIED_FIELDS;
        assert.deepEqual(
          fields.filter((field) => !known.includes(field)),
          [],
          'fields must be known ones',
        );
      },
    },
  ],
};
