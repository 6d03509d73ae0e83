import { createRegistry, RegistryError } from '@rollcall/core';

const registry = await createRegistry({
  config: {
    registry: { type: './own-adapter.ts', options: { greeting: 'go away' } },
    log: { level: 'silent' },
  },
});
const error = await registry.services().then(
  () => undefined,
  (reason) => reason,
);
await registry.close();
process.stdout.write(
  JSON.stringify({ type: registry.type, ours: error instanceof RegistryError, code: error?.code }),
);
