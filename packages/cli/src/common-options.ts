import type { Option } from './command.ts';

/** How the registry is selected; every command that needs one has these. */
export const REGISTRY_OPTIONS = {
  registry: { type: 'string', value: 'TYPE', says: 'file, etcd, consul, zookeeper, nacos, eureka, …' },
  option: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE',
    says: 'one of its options; the value may be JSON. Repeatable',
  },
  config: { type: 'string', value: 'FILE', says: 'instead of the nearest rollcall.config.*' },
  namespace: { type: 'string', value: 'NS', says: 'instead of registry.namespace' },
  timeout: { type: 'string', value: 'TIME', says: 'the longest wait for the registry (10s)' },
} as const satisfies Readonly<Record<string, Option>>;

/** What every command has. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', says: 'the result as JSON' },
  verbose: { type: 'boolean', says: 'more about what goes wrong' },
  help: { type: 'boolean', short: 'h', says: 'this text' },
} as const satisfies Readonly<Record<string, Option>>;
