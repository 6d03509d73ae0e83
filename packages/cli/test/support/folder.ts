import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type Registry, type RegisterSpec } from '@rollcall/core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Program, rollcall, type Ended, type ProgramOptions } from './program.ts';

/** A folder of its own for the tests of a file, with a registry of the type `file` in it. */
export interface Workplace {
  readonly folder: string;
  /** Runs `rollcall` in the folder, on that registry. */
  run(args: readonly string[], options?: Partial<ProgramOptions>): Promise<Ended>;
  /** The same, for one that goes on; it is killed after the test. */
  start(args: readonly string[], options?: Partial<ProgramOptions>): Program;
  /** The registry, as a service has it. */
  registry(): Registry;
  /** The ids of a service, as the registry lists them now: a view that is followed may be a moment behind. */
  listed(service: string): Promise<readonly string[]>;
  /** Lists an instance until the end of the test. */
  list(spec: RegisterSpec): Promise<void>;
}

export function workplace(): Workplace {
  let folder = '';
  let registry: Registry | undefined;
  const programs = new Set<Program>();
  const listed = new Set<ReturnType<Registry['register']>>();
  const there = (): Registry => {
    if (!registry) throw new Error('only in a test');
    return registry;
  };
  const env = (): Record<string, string> => ({
    ROLLCALL_REGISTRY_TYPE: 'file',
    ROLLCALL_REGISTRY_OPTIONS: JSON.stringify({ dir: join(folder, 'registry') }),
  });
  const open = (): Promise<Registry> =>
    createRegistry({
      cwd: folder,
      env: {},
      config: {
        registry: { type: 'file', options: { dir: join(folder, 'registry') } },
        log: { level: 'silent' },
      },
    });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-'));
    registry = await open();
  });
  afterEach(async () => {
    for (const program of programs) program.end();
    await Promise.all([...programs].map(({ ended }) => ended));
    programs.clear();
    await Promise.all([...listed].map((registration) => registration.deregister()));
    listed.clear();
  });
  afterAll(async () => {
    await registry?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    run: (args, options = {}) =>
      rollcall(args, { cwd: folder, ...options, env: { ...env(), ...options.env } }),
    start: (args, options = {}) => {
      const program = new Program(args, { cwd: folder, ...options, env: { ...env(), ...options.env } });
      programs.add(program);
      return program;
    },
    registry: there,
    listed: async (service) => {
      const fresh = await open();
      try {
        return (await fresh.service(service).load()).instances.map(({ id }) => id);
      } finally {
        await fresh.close();
      }
    },
    list: async (spec) => {
      const registration = there().register(spec);
      listed.add(registration);
      await registration.listed();
    },
  };
}
