import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRegistry, type RegistryType, type RunningByType } from '@rollcall-tools/registries';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/finding.ts';
import { Program, rollcall, type Ended } from './program.ts';

export interface OnRegistry<Type extends RegistryType> {
  /** What is started. */
  readonly server: Type;
  /** `registry.type`; defaults to the server's. */
  readonly type?: string;
  /** Lines of the server's configuration. */
  readonly flags?: readonly string[];
  /** `registry.options` for a server that runs. */
  readonly options: (running: RunningByType[Type]) => object;
  /** What doctor finds of the clock: a server that speaks HTTP tells its time. */
  readonly clock: Finding['status'];
  /** The longest that one of the tests may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** The commands, as somebody types them, on a real server. */
export function commandsWork<Type extends RegistryType>({
  server,
  type = server,
  flags = [],
  options,
  clock,
  timeoutMs = 120_000,
}: OnRegistry<Type>): void {
  describe(`rollcall on ${server}`, () => {
    let running: RunningByType[Type];
    let folder = '';
    let env: Record<string, string> = {};
    const programs = new Set<Program>();
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-'));
      running = await startRegistry(server, { own: true, flags });
      env = {
        ROLLCALL_REGISTRY_TYPE: type,
        ROLLCALL_REGISTRY_OPTIONS: JSON.stringify(options(running)),
        ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '50',
      };
    }, 300_000);
    afterEach(async () => {
      for (const program of programs) program.end();
      await Promise.all([...programs].map(({ ended }) => ended));
      programs.clear();
    });
    afterAll(async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const run = (...args: readonly string[]): Promise<Ended> => rollcall(args, { cwd: folder, env });
    const start = (...args: readonly string[]): Program => {
      const program = new Program(args, { cwd: folder, env });
      programs.add(program);
      return program;
    };
    const register = async (id: string): Promise<Program> => {
      const given = [
        '--port',
        '8080',
        '--host',
        '10.1.2.3',
        '--id',
        id,
        '--zone',
        'eu-1',
        '--meta',
        'build=7',
      ];
      const program = start('register', 'users', ...given);
      await program.shows(/^listed users\//, 'stderr');
      return program;
    };
    const instances = async (): Promise<readonly Record<string, unknown>[]> => {
      const { stdout } = await run('instances', 'users', '--json');
      return (JSON.parse(stdout) as { instances: Record<string, unknown>[] }).instances;
    };
    /** What an operator changes is seen when the registry tells of it. */
    const poll = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: timeoutMs, interval: 200 });

    it(
      'register lists an instance, services and instances show it, and SIGTERM takes it out',
      async () => {
        expect(await run('instances', 'users')).toEqual({
          code: 0,
          stdout: '',
          stderr: 'no instance of users is listed in the namespace default\n',
        });
        const registered = await register('one');
        await poll(instances).toMatchObject([
          { id: 'one', host: '10.1.2.3', port: 8080, status: 'UP', zone: 'eu-1', metadata: { build: '7' } },
        ]);
        await poll(async () => (await run('services')).stdout).toBe(
          'SERVICE  INSTANCES  UP\nusers            1   1\n',
        );
        registered.kill('SIGTERM');
        const { code, stderr } = await registered.ended;
        expect([code, stderr]).toEqual([0, expect.stringContaining('left users/one (10.1.2.3:8080)')]);
        await poll(instances).toEqual([]);
      },
      timeoutMs,
    );

    it(
      'drain, weight and undrain change an instance that another process keeps',
      async () => {
        await register('two');
        await poll(instances).toHaveLength(1);
        const drained = await run('drain', 'users', 'two', '--json');
        expect([drained.code, drained.stderr]).toEqual([
          0,
          'warning no instance of users is UP any more: it has nobody to take calls\n',
        ]);
        expect(JSON.parse(drained.stdout)).toMatchObject({
          changed: [{ id: 'two', status: 'OUT_OF_SERVICE' }],
        });
        expect((await run('weight', 'users', 'two', '7')).code).toBe(0);
        await poll(instances).toMatchObject([
          { id: 'two', status: 'OUT_OF_SERVICE', weight: 7, zone: 'eu-1', metadata: { build: '7' } },
        ]);
        expect((await run('undrain', 'users', 'two')).code).toBe(0);
        await poll(instances).toMatchObject([{ id: 'two', status: 'UP', weight: 7 }]);
      },
      timeoutMs,
    );

    it(
      'deregister removes what a process left behind',
      async () => {
        const registered = await register('three');
        await poll(instances).toEqual(expect.arrayContaining([expect.objectContaining({ id: 'three' })]));
        registered.kill('SIGKILL');
        await registered.ended;
        const { code } = await run('deregister', 'users', 'three', '--yes');
        // A registry that ends what is a dead connection's may have been quicker.
        expect([0, 1]).toContain(code);
        await poll(instances).not.toEqual(expect.arrayContaining([expect.objectContaining({ id: 'three' })]));
      },
      timeoutMs,
    );

    it(
      'doctor finds it well, and leaves nothing behind',
      async () => {
        const { code, stdout } = await run('doctor', '--json');
        const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly Finding[] };
        expect(Object.fromEntries(checks.map(({ check, status }) => [check, status])), stdout).toEqual({
          configuration: 'ok',
          adapter: 'ok',
          registry: 'ok',
          credentials: 'ok',
          'round trip': 'ok',
          clock,
          address: expect.stringMatching(/^(?:ok|warning)$/),
        });
        expect([code, ok]).toEqual([0, true]);
        expect((await run('instances', 'rollcall-doctor')).stdout).toBe('');
      },
      timeoutMs,
    );

    it(
      'doctor says what to do when nobody answers, and the others end with code 3',
      async () => {
        await Promise.all(running.nodes.map((node) => node.kill()));
        const doctor = await run('doctor', '--timeout', '3s');
        expect(doctor.code, doctor.stdout).toBe(1);
        expect(doctor.stdout).toMatch(/^failed {3}registry /m);
        expect(doctor.stdout).toContain('→ look whether it runs');
        for (const args of [['services'], ['instances', 'users'], ['drain', 'users', 'x'], ['dump']]) {
          const { code, stdout } = await run(...args, '--timeout', '3s');
          expect([code, stdout], args.join(' ')).toEqual([3, '']);
        }
      },
      timeoutMs,
    );
  });
}
