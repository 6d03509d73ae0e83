import { fileURLToPath } from 'node:url';
import { adapterConformance } from '@rollcall/conformance';
import { createRegistry, loadConfig, systemClock, type RegistryAdapter } from '@rollcall/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapter } from '../src/noticeboard-adapter.ts';
import { Noticeboard } from '../src/noticeboard.ts';

const board = new Noticeboard();
let url = '';
beforeAll(async () => {
  url = await board.listen(0);
});
afterAll(() => board.close());

function client(): RegistryAdapter {
  return adapter.create({ url }, { clock: systemClock, warn: () => {} });
}

/** A promise that doesn't apply is left out for one of these reasons, or the test fails. */
const REASONS = [
  'the adapter has no override method',
  'the adapter has no watch method',
  'the adapter has no watchServices method',
];

function skip(name: string, reason: string): void {
  it(`left out: ${name} (${reason})`, () => expect(REASONS).toContain(reason));
}

adapterConformance(
  { describe, it, skip },
  {
    name: 'noticeboard',
    sample: client(),
    createAdapter: client,
    ttlMs: 300,
    plant: ({ namespace, service, id }, content) => board.put(namespace, service, id, content, 60_000),
    removeEntry: ({ namespace, service, id }) => board.remove(namespace, service, id),
    revokeLease: ({ namespace, service, id }) => board.remove(namespace, service, id),
    outage: { begin: () => board.close(), end: async () => void (await board.listen(portOf(url))) },
    stall: { begin: () => board.setSilent(true), end: () => board.setSilent(false) },
  },
);

describe('the noticeboard, chosen by the configuration', () => {
  const example = fileURLToPath(new URL('..', import.meta.url));

  it('is found by the path in registry.type, and its options are checked', async () => {
    const { config } = await loadConfig({ cwd: example, env: {} });
    expect(config.registry).toMatchObject({ type: './src/noticeboard-adapter.ts' });
    const wrong = createRegistry({
      cwd: example,
      env: {},
      config: { registry: { options: { urk: 'http://127.0.0.1' } }, log: { level: 'silent' } },
    });
    await expect(wrong).rejects.toThrow(/registry\.options\.urk/);
  });

  it('lists a process, follows changes by polling, and takes it off', async () => {
    const registry = await createRegistry({
      cwd: example,
      env: {},
      config: {
        registry: { options: { url } },
        // The only instance leaves: that would be held as a list that shrank by mistake.
        discovery: { pollIntervalMs: 50, protection: false },
        log: { level: 'silent' },
      },
    });
    try {
      const registration = registry.register({ service: 'user-service', host: '10.0.0.7', port: 8080 });
      await registration.listed();
      const users = registry.service('user-service');
      expect((await users.load()).instances).toMatchObject([{ host: '10.0.0.7', port: 8080 }]);
      await registration.update({ weight: 5 });
      await expect.poll(() => users.snapshot?.instances[0]?.weight, { timeout: 5_000 }).toBe(5);
      await registration.deregister();
      await expect.poll(() => users.snapshot?.instances, { timeout: 5_000 }).toEqual([]);
    } finally {
      await registry.close();
    }
  });
});

function portOf(address: string): number {
  return Number(new URL(address).port);
}
