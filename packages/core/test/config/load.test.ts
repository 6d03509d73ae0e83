import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadConfigOptions, loadConfig } from '../../src/config/load.ts';
import { defineConfig, type RollcallConfigInput } from '../../src/config/schema.ts';
import { valueAt } from '../../src/config/tree.ts';
import { RegistryError } from '../../src/errors.ts';
import { tempFolder } from './temp-folder.ts';

async function load(files: Record<string, string> = {}, options: Omit<LoadConfigOptions, 'cwd'> = {}) {
  const cwd = await tempFolder(files);
  return loadConfig({ cwd, env: {}, ...options });
}

async function refusal(files: Record<string, string>, options: Omit<LoadConfigOptions, 'cwd'> = {}) {
  const error: unknown = await load(files, options).catch((thrown: unknown) => thrown);
  if (!(error instanceof RegistryError)) throw new Error('it was accepted', { cause: error });
  expect(error.code).toBe('INVALID_CONFIG');
  return error;
}

describe('without any configuration', () => {
  it('has every default', async () => {
    const { config, sources, warnings } = await load();
    expect(config).toEqual({
      registry: { type: 'file', namespace: 'default', options: {}, requestTimeoutMs: 5000 },
      registration: { ttlMs: 15_000, verifyIntervalMs: 30_000, concurrency: 32 },
      discovery: {
        mode: 'watch',
        pollIntervalMs: 2000,
        relistIntervalMs: 60_000,
        idleMs: 300_000,
        protection: { minShare: 0.5, holdMs: 15_000 },
      },
      backoff: { baseMs: 200, capMs: 5_000 },
      access: { namespaces: {}, allow: [] },
      shutdown: { signals: true },
      log: { level: 'info' },
    });
    expect({ sources, warnings }).toEqual({ sources: [], warnings: [] });
  });

  it('is frozen all the way down', async () => {
    const { config } = await load({}, { overrides: { registry: { options: { tls: { ca: ['a'] } } } } });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.discovery.protection)).toBe(true);
    expect(config.registry.options).toSatisfy(({ tls }: { tls: { ca: string[] } }) =>
      Object.isFrozen(tls.ca),
    );
  });
});

describe('the sources of a key', () => {
  const file = { 'rollcall.config.yaml': 'log: { level: debug }\nregistration: { ttlMs: 4000 }\n' };

  it('file over default', async () => {
    expect((await load(file)).config.log.level).toBe('debug');
  });

  it('environment over file', async () => {
    const { config } = await load(file, { env: { ROLLCALL_LOG_LEVEL: 'warn' } });
    expect(config.log.level).toBe('warn');
    expect(config.registration.ttlMs).toBe(4000);
  });

  it('code over environment', async () => {
    const { config } = await load(file, {
      env: { ROLLCALL_LOG_LEVEL: 'warn' },
      overrides: { log: { level: 'error' } },
    });
    expect(config.log.level).toBe('error');
  });

  it('an undefined in code is as if absent', async () => {
    // A program in JavaScript, or with loose types, writes `level: process.env.X`.
    const level: 'debug' = JSON.parse('{}').level;
    expect((await load(file, { overrides: { log: { level } } })).config.log.level).toBe('debug');
  });

  it('are told for the log, each once', async () => {
    const loaded = await load(file, {
      env: { ROLLCALL_LOG_LEVEL: 'warn' },
      overrides: { shutdown: { signals: false } },
    });
    expect(loaded.sources).toEqual([
      expect.stringContaining('rollcall.config.yaml'),
      'ROLLCALL_LOG_LEVEL',
      'code',
    ]);
    expect(loaded.sourceOf(['registration', 'ttlMs'])).toMatch(/rollcall\.config\.yaml:2:17$/);
    expect(loaded.sourceOf(['log', 'level'])).toBe('ROLLCALL_LOG_LEVEL');
    expect(loaded.sourceOf(['shutdown', 'signals'])).toBe('code');
    expect(loaded.sourceOf(['backoff', 'capMs'])).toBeUndefined();
  });

  it('merge objects and replace lists', async () => {
    const { config } = await load(
      {
        'rollcall.config.json':
          '{"service":{"name":"a","port":80,"tags":["x","y"],"metadata":{"k":"1","m":"2"}}}',
      },
      { overrides: { service: { name: 'a', port: 81, tags: ['z'], metadata: { m: '3' } } } },
    );
    expect(config.service).toMatchObject({ port: 81, tags: ['z'], metadata: { k: '1', m: '3' } });
  });

  it('keep class instances and buffers of the options as they are', async () => {
    const ca = Buffer.from('pem');
    const { config } = await load({}, { overrides: { registry: { options: { tls: { ca } } } } });
    expect(config.registry.options).toEqual({ tls: { ca } });
    expect(valueAt(config, ['registry', 'options', 'tls', 'ca'])).toBe(ca);
  });

  it('drop the options of another type, and say so', async () => {
    const { config, warnings } = await load(
      { 'rollcall.config.yaml': 'registry: { type: etcd, options: { endpoints: [a] } }' },
      { env: { ROLLCALL_REGISTRY_TYPE: 'memory' } },
    );
    expect(config.registry.type).toBe('memory');
    expect(config.registry.options).toEqual({});
    expect(warnings).toEqual([
      'registry.options set for "etcd" are left out: registry.type is "memory" (in ROLLCALL_REGISTRY_TYPE)',
    ]);
  });
});

describe('the folder that a module is relative to', () => {
  it('is that of the file that names it', async () => {
    const cwd = await tempFolder({
      'rollcall.config.yaml': 'registry: { type: ./mine.js }',
      'deep/down/x': '',
    });
    expect((await loadConfig({ cwd: join(cwd, 'deep/down'), env: {} })).moduleFolder).toBe(cwd);
  });

  it('is the working folder when the environment names it', async () => {
    const cwd = await tempFolder({ 'rollcall.config.yaml': '', 'deep/x': '' });
    const loaded = await loadConfig({ cwd: join(cwd, 'deep'), env: { ROLLCALL_REGISTRY_TYPE: './mine.js' } });
    expect(loaded.moduleFolder).toBe(join(cwd, 'deep'));
  });
});

describe('a wrong configuration', () => {
  it('is refused with all its problems at once, each with key, source and remedy', async () => {
    const error = await refusal(
      {
        'rollcall.config.yaml': [
          'registry:',
          '  tpye: memory',
          '  requestTimeoutMs: 5s',
          'ttlMs: 3000',
          'discovery: { mode: wtach, protection: { minShare: 3 } }',
        ].join('\n'),
      },
      { env: { ROLLCALL_REGISTRATION_TTL_MS: '15s' }, overrides: { backoff: { capMs: 0 } } },
    );
    const lines = error.message.split('\n').map((line) => line.replace(/\/\S*\//, ''));
    expect(lines[0]).toBe('Invalid configuration, 7 problems:');
    expect(lines.slice(1).toSorted()).toEqual([
      '  - backoff.capMs must be at least 1, but it is 0 (in code)',
      '  - discovery.mode must be one of watch, poll, but it is "wtach": did you mean watch? (in rollcall.config.yaml:5:14)',
      '  - discovery.protection.minShare must be at most 1, but it is 3 (in rollcall.config.yaml:5:41)',
      '  - registration.ttlMs must be a whole number of milliseconds, but it is "15s" (in ROLLCALL_REGISTRATION_TTL_MS)',
      '  - registry.requestTimeoutMs must be a number of milliseconds, but it is "5s" (in rollcall.config.yaml:3:3)',
      '  - registry.tpye is not a known key: did you mean registry.type? (in rollcall.config.yaml:2:3)',
      '  - ttlMs is not a known key here: did you mean registration.ttlMs? (in rollcall.config.yaml:4:1)',
    ]);
    expect(error.field).toBe('registration.ttlMs');
  });

  it.each<[string, RollcallConfigInput, string]>([
    [
      'TTL below a second',
      { registration: { ttlMs: 999 } },
      'registration.ttlMs must be at least 1000, but it is 999',
    ],
    [
      'TTL that is no number',
      { registration: { ttlMs: Number.NaN } },
      'registration.ttlMs must be a number of milliseconds, but it is NaN',
    ],
    [
      'fraction of a millisecond',
      { registration: { ttlMs: 1500.5 } },
      'registration.ttlMs must be a whole number of milliseconds, but it is 1500.5',
    ],
    [
      'cap below the base',
      { backoff: { baseMs: 500, capMs: 400 } },
      'backoff.capMs must not be below backoff.baseMs, which is 500',
    ],
    [
      'share above one',
      { discovery: { protection: { minShare: 1.1 } } },
      'discovery.protection.minShare must be at most 1, but it is 1.1',
    ],
    ['empty type', { registry: { type: '' } }, 'registry.type must not be empty'],
    [
      'namespace with a control character',
      { registry: { namespace: 'a\nb' } },
      'registry.namespace holds a control character',
    ],
    [
      'service without a port',
      JSON.parse('{"service":{"name":"a"}}'),
      'service.port is missing: set it to a number',
    ],
    [
      'service with an empty name',
      { service: { name: '', port: 1 } },
      'service.name is empty: give it a name',
    ],
    [
      'port out of range',
      { service: { name: 'a', port: 70_000 } },
      'service.port must be at most 65535, but it is 70000',
    ],
    [
      'host that is a URL',
      { service: { name: 'a', port: 1, host: 'http://a' } },
      'service.host must be a bare host name',
    ],
    [
      'endpoint that is no URL',
      { service: { name: 'a', port: 1, endpoints: ['grpc://a:1', 'nope'] } },
      'service.endpoints[1] must be a URL',
    ],
    [
      'negative weight',
      { service: { name: 'a', port: 1, weight: -1 } },
      'service.weight must be at least 0, but it is -1',
    ],
  ])('%s', async (_name, overrides, message) => {
    const error = await refusal({}, { overrides });
    expect(error.message).toContain(`Invalid configuration: ${message}`);
    expect(error.message).toContain('(in code)');
    expect(message.startsWith(`${error.field} `)).toBe(true);
  });

  it('may turn protection off, but not to a word', async () => {
    expect(
      (await load({}, { overrides: { discovery: { protection: false } } })).config.discovery.protection,
    ).toBe(false);
    const error = await refusal({ 'rollcall.config.yaml': 'discovery: { protection: never }' });
    expect(error.message).toContain('discovery.protection must be false or an object, but it is "never"');
  });

  it('never shows the value of a secret key, nor credentials in a URL', async () => {
    const error = await refusal({
      'rollcall.config.yaml':
        'service: { name: a, port: "http://me:hunter2@host/", metadata: { password: [hunter3] } }\nregistry: hunter4://u:hunter5@h',
    });
    expect(error.message).toContain('service.metadata.password must be a text, but it is an array');
    expect(error.message).toContain('"http://***@host/"');
    expect(error.message).not.toMatch(/hunter[235]/);
  });

  it('does not let a key named __proto__ through', async () => {
    const error = await refusal({
      'rollcall.config.json': '{"__proto__":{"polluted":true},"log":{"__proto__":{"level":"debug"}}}',
    });
    expect(error.message).toContain('__proto__ is not a known key');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('defineConfig', () => {
  it('returns what it gets', () => {
    const config = { log: { level: 'warn' } } as const;
    expect(defineConfig(config)).toBe(config);
  });
});
