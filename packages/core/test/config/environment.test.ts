import { describe, expect, it } from 'vitest';
import { readEnvironment, variableName, variableTable } from '../../src/config/environment.ts';
import { coreJsonSchema, leaves } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { tempFolder } from './temp-folder.ts';

const schema = coreJsonSchema();
const read = (env: Record<string, string>) => readEnvironment(env, schema);

describe('the variables', () => {
  it('have the names of the keys, in capitals', () => {
    expect(variableName(['registry', 'type'])).toBe('ROLLCALL_REGISTRY_TYPE');
    expect(variableName(['registry', 'requestTimeoutMs'])).toBe('ROLLCALL_REGISTRY_REQUEST_TIMEOUT_MS');
  });

  it('are there for every leaf of the schema, each with a name of its own', () => {
    const all = leaves(schema);
    expect(variableTable(schema).size).toBe(all.length);
    expect([...variableTable(schema).keys()]).toEqual(
      expect.arrayContaining([
        'ROLLCALL_REGISTRY_OPTIONS',
        'ROLLCALL_DISCOVERY_PROTECTION',
        'ROLLCALL_DISCOVERY_PROTECTION_MIN_SHARE',
        'ROLLCALL_DISCOVERY_SNAPSHOT_DIR',
        'ROLLCALL_SERVICE_METADATA',
        'ROLLCALL_SHUTDOWN_SIGNALS',
      ]),
    );
  });

  it('give the schema its types', () => {
    const { value, problems } = read({
      ROLLCALL_REGISTRY_TYPE: '42',
      ROLLCALL_REGISTRY_OPTIONS: '{"endpoints":["a","b"]}',
      ROLLCALL_REGISTRATION_TTL_MS: ' 2000 ',
      ROLLCALL_DISCOVERY_PROTECTION_MIN_SHARE: '0.25',
      ROLLCALL_SHUTDOWN_SIGNALS: '0',
      ROLLCALL_SERVICE_TAGS: 'a, b,,c',
      ROLLCALL_SERVICE_ENDPOINTS: '["grpc://h:1","x,y"]',
      ROLLCALL_SERVICE_METADATA: '{"k":"v"}',
    });
    expect(problems).toEqual([]);
    expect(value).toEqual({
      registry: { type: '42', options: { endpoints: ['a', 'b'] } },
      registration: { ttlMs: 2000 },
      discovery: { protection: { minShare: 0.25 } },
      shutdown: { signals: false },
      service: { tags: ['a', 'b', 'c'], endpoints: ['grpc://h:1', 'x,y'], metadata: { k: 'v' } },
    });
  });

  it.each([
    ['ROLLCALL_REGISTRATION_TTL_MS', '15s', 'must be a whole number of milliseconds, but it is "15s"'],
    ['ROLLCALL_REGISTRATION_TTL_MS', '0x10', 'must be a whole number of milliseconds, but it is "0x10"'],
    ['ROLLCALL_SHUTDOWN_SIGNALS', 'maybe', 'must be true or false, but it is "maybe"'],
    ['ROLLCALL_SERVICE_TAGS', '["a"', 'must be a list, separated by commas or as JSON, but it is "[\\"a\\""'],
    ['ROLLCALL_SERVICE_METADATA', 'a=b', 'must be a JSON object, but it is "a=b"'],
    ['ROLLCALL_DISCOVERY_PROTECTION', 'off', 'must be false or a JSON object, but it is "off"'],
  ])('%s=%s is refused', (name, text, what) => {
    expect(read({ [name]: text }).problems).toMatchObject([{ what, source: name }]);
  });

  it('count as not set when they are empty', () => {
    expect(read({ ROLLCALL_LOG_LEVEL: '' }).value).toEqual({});
  });

  it('turn protection off', () => {
    expect(read({ ROLLCALL_DISCOVERY_PROTECTION: 'false' }).value).toEqual({
      discovery: { protection: false },
    });
  });
});

describe('a variable that no key has', () => {
  it('is an error when it starts as a section does, and names the nearest', () => {
    expect(read({ ROLLCALL_DISCOVERY_POLL_INTERVAL: '1' }).problems[0]?.what).toBe(
      'ROLLCALL_DISCOVERY_POLL_INTERVAL is not a known variable: did you mean ROLLCALL_DISCOVERY_POLL_INTERVAL_MS?',
    );
  });

  it('is an error when it is a slip of the finger', () => {
    expect(read({ ROLLCALL_LGO_LEVEL: 'debug' }).problems[0]?.what).toContain(
      'did you mean ROLLCALL_LOG_LEVEL?',
    );
  });

  it('is only warned of otherwise', () => {
    const { problems, warnings } = read({ ROLLCALL_BUILD_NUMBER_OF_PLATFORM: '7' });
    expect(problems).toEqual([]);
    expect(warnings).toEqual(['ROLLCALL_BUILD_NUMBER_OF_PLATFORM is not a known variable: unset it']);
  });

  it('is passed over when it belongs to the tools', () => {
    const { problems, warnings } = read({
      ROLLCALL_CACHE: '/c',
      ROLLCALL_CACHE_DIR: '/c',
      ROLLCALL_TEST_X: '1',
      ROLLCALL_ETCD_URL: 'x',
    });
    expect([...problems, ...warnings]).toEqual([]);
  });

  it('is none of ours without the prefix', () => {
    expect(read({ REGISTRY_TYPE: 'x', PATH: '/bin' })).toEqual({
      value: {},
      variables: [],
      problems: [],
      warnings: [],
    });
  });
});

describe('what Kubernetes sets for a Service named rollcall', () => {
  const links = {
    ROLLCALL_SERVICE_HOST: '10.96.0.7',
    ROLLCALL_SERVICE_PORT: '8080',
    ROLLCALL_SERVICE_PORT_HTTP: '8080',
    ROLLCALL_PORT: 'tcp://10.96.0.7:8080',
    ROLLCALL_PORT_8080_TCP_ADDR: '10.96.0.7',
    ROLLCALL_REGISTRY_SERVICE_HOST: '10.96.0.8',
    ROLLCALL_REGISTRY_PORT: 'tcp://10.96.0.8:2379',
  };

  it('does not become the address of every instance, and a warning says so', () => {
    const { value, problems, warnings } = read(links);
    expect({ value, problems }).toEqual({ value: {}, problems: [] });
    expect(warnings).toEqual([
      expect.stringContaining('ROLLCALL_SERVICE_HOST is left out'),
      expect.stringContaining('ROLLCALL_SERVICE_PORT is left out'),
    ]);
  });

  it('gives way to a value that a person put in its place', () => {
    expect(read({ ...links, ROLLCALL_SERVICE_PORT: '3000' }).value).toEqual({ service: { port: 3000 } });
  });

  it('is noted beside the problem that it leads to', async () => {
    const cwd = await tempFolder();
    await expect(loadConfig({ cwd, env: { ...links, ROLLCALL_SERVICE_NAME: 'a' } })).rejects.toThrow(
      /service\.port is missing.*\n.*Note: ROLLCALL_SERVICE_PORT is left out/s,
    );
  });
});

describe('the options of the selected registry', () => {
  const adapter = `
    import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
    const options = z.strictObject({
      endpoints: z.union([z.string(), z.array(z.string())]).optional(),
      retries: z.int().optional(),
      tls: z.strictObject({ verify: z.boolean().optional() }).optional(),
      password: z.string().optional(),
    });
    export const adapter = { type: 'mine', options, create() {} };`;
  const files = {
    'adapter.mjs': adapter,
    'rollcall.config.yaml': 'registry: { type: ./adapter.mjs, options: { retries: 1 } }',
  };

  it('have variables too, from the adapter itself', async () => {
    const cwd = await tempFolder(files);
    const { config } = await loadConfig({
      cwd,
      env: {
        ROLLCALL_REGISTRY_OPTIONS_ENDPOINTS: 'http://a,http://b',
        ROLLCALL_REGISTRY_OPTIONS_RETRIES: '3',
        ROLLCALL_REGISTRY_OPTIONS_TLS_VERIFY: 'false',
        ROLLCALL_REGISTRY_OPTIONS_PASSWORD: '1234',
      },
    });
    expect(config.registry.options).toEqual({
      endpoints: ['http://a', 'http://b'],
      retries: 3,
      tls: { verify: false },
      password: '1234',
    });
  });

  it('can be given as one JSON text, to which single variables add', async () => {
    const cwd = await tempFolder(files);
    const env = { ROLLCALL_REGISTRY_OPTIONS: '{"endpoints":"x"}', ROLLCALL_REGISTRY_OPTIONS_RETRIES: '9' };
    expect((await loadConfig({ cwd, env })).config.registry.options).toEqual({ endpoints: 'x', retries: 9 });
  });

  it('are refused with a suggestion when there is no such option', async () => {
    const cwd = await tempFolder(files);
    await expect(loadConfig({ cwd, env: { ROLLCALL_REGISTRY_OPTIONS_ENDPOINT: 'x' } })).rejects.toThrow(
      'did you mean ROLLCALL_REGISTRY_OPTIONS_ENDPOINTS?',
    );
  });

  it('never show a credential', async () => {
    const cwd = await tempFolder(files);
    const env = {
      ROLLCALL_REGISTRY_OPTIONS_TLS_VERIFY: 'http://u:hunter2@h',
      ROLLCALL_REGISTRY_OPTIONS_RETRIES: 'x',
    };
    const error: unknown = await loadConfig({ cwd, env }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('registry.options.tls.verify must be true or false');
    expect(String(error)).not.toContain('hunter2');
  });

  it('cannot be read when the registry is not there: that is said once', async () => {
    const cwd = await tempFolder();
    const env = {
      ROLLCALL_REGISTRY_TYPE: './gone.js',
      ROLLCALL_REGISTRY_OPTIONS_URL: 'x',
      ROLLCALL_REGISTRY_OPTIONS_ID: 'x',
    };
    await expect(loadConfig({ cwd, env })).rejects.toThrow(
      /^Invalid configuration: registry\.type is \.\/gone\.js, but there is no such module: [^\n]* \(in ROLLCALL_REGISTRY_TYPE\)$/,
    );
  });
});
