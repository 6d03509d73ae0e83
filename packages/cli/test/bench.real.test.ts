import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();

describe('rollcall bench', () => {
  it('measures with stated counts, and leaves nothing behind', async () => {
    const args = ['bench', '--instances', '20', '--duration', '300ms', '--concurrency', '4', '--json'];
    const { code, stdout, stderr } = await at.run(args);
    expect([code, stderr]).toEqual([0, '']);
    const result = JSON.parse(stdout) as Record<string, Record<string, number>>;
    expect(result).toMatchObject({
      registry: 'file',
      namespace: 'default',
      service: expect.stringMatching(/^rollcall-bench-\d+-[\da-f]{6}$/),
      instances: 20,
      durationMs: 300,
      concurrency: 4,
      registrations: { count: 20 },
      changes: { by: 'watch', unseen: 0 },
      deregistrations: { count: 20 },
    });
    for (const part of ['registrations', 'lookups', 'changes', 'deregistrations']) {
      const { count = 0, p50Ms = 0, p99Ms = 0, maxMs = 0 } = result[part] ?? {};
      expect(count, part).toBeGreaterThan(0);
      expect(0 < p50Ms && p50Ms <= p99Ms && p99Ms <= maxMs, part).toBe(true);
    }
    expect(await at.registry().services()).toEqual([]);
  });

  it('writes a table, shows at a terminal how far it is, and warns where others use the registry', async () => {
    await at.list({ service: 'users', host: '10.0.0.1', port: 80 });
    const args = ['bench', '--instances', '5', '--duration', '300ms'];
    const { code, stdout } = await at.run(args, { atTerminal: true, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    expect(stdout).toContain(
      'warning 1 service of the namespace default uses this registry: it gets slower answers now',
    );
    expect(stdout).toMatch(/looking up: 0\.\d s to go/);
    expect(stdout).toMatch(/5 instances in file, 16 calls at once; lookups and changes for 300 ms each\r\n/);
    expect(stdout).toMatch(/^registrations +5 +\d+ +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms\r$/m);
    expect(await at.registry().services()).toEqual(['users']);
  });

  it('removes its service at Ctrl-C too', async () => {
    const program = at.start(['bench', '--instances', '30', '--duration', '10m'], { atTerminal: true });
    await program.shows(/looking up: /);
    expect(await at.registry().services()).toEqual([expect.stringMatching(/^rollcall-bench-/)]);
    program.type('\u{3}');
    const { code, stdout } = await program.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/stopped: rollcall-bench-\S+ was removed/);
    expect(await at.registry().services()).toEqual([]);
  });
});
