import { createRegistry } from '@rollcall/core';

const registry = await createRegistry({
  config: {
    registry: { type: 'etcd', options: { endpoints: [process.env.ENDPOINT] }, requestTimeoutMs: 5_000 },
    log: { level: 'silent' },
  },
});
const code = await registry.services().then(
  () => 'none',
  (error) => error.code,
);
await registry.close();
process.stdout.write(JSON.stringify({ type: registry.type, code }));
