import { defineConfig } from '@rollcall/core';

interface Times {
  readonly ttlMs: number;
}

const registration: Times = { ttlMs: 9000 };

export default defineConfig({ registry: { type: 'memory' }, registration });
