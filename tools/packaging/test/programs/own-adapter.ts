import { defineAdapter, RegistryError, type AdapterCapabilities, type RegistryAdapter } from '@rollcall/core';
import { z } from 'zod';

const capabilities: AdapterCapabilities = {
  liveness: 'lease',
  crashSlackMs: 0,
  propagationMs: 0,
  ttlRangeMs: { min: 1, max: 60_000 },
  fields: [],
  namespaces: false,
  anyName: false,
};

/** An adapter in TypeScript, whose registry lets nobody in. */
export const adapter = defineAdapter({
  type: 'own',
  options: z.strictObject({ greeting: z.string() }),
  create: ({ greeting }): RegistryAdapter => {
    const refuse = (): Promise<never> => Promise.reject(new RegistryError('PERMISSION_DENIED', greeting));
    return {
      type: 'own',
      capabilities,
      open: refuse,
      close: () => Promise.resolve(),
      register: refuse,
      deregister: refuse,
      discover: refuse,
      listServices: refuse,
    };
  },
});
