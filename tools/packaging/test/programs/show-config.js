import { createRegistry } from '@rollcall/core';

const registry = await createRegistry();
const { registry: chosen, registration } = registry.config;
await registry.close();
process.stdout.write(JSON.stringify({ type: chosen.type, ttlMs: registration.ttlMs }));
