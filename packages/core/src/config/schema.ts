import * as z from 'zod';
import type { DeepReadonly } from '../deep-readonly.ts';
import { RegistryError } from '../errors.ts';
import { defineInstance, INSTANCE_STATUSES, MAX_WEIGHT } from '../instance.ts';
import { checkName, DEFAULT_NAMESPACE } from '../names.ts';
import { namespaceRulesSchema } from '../namespace-policy.ts';
import { KNOWN_TYPES } from './adapter-types.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const registry = z
  .strictObject({
    type: text(
      `The registry: ${KNOWN_TYPES.join(', ')}; or the module of an adapter, such as ./my-adapter.js or @acme/rollcall-redis.`,
      'file',
    ).meta({ examples: [...KNOWN_TYPES] }),
    namespace: text('Services are listed in and found in this namespace.', DEFAULT_NAMESPACE).superRefine(
      nameRule('namespace'),
    ),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'What the chosen registry needs: addresses, credentials, layout. Each type has its own keys.',
      ),
    requestTimeoutMs: milliseconds('How long one request to the registry may take.', {
      min: 100,
      max: HOUR_MS,
      default: 5000,
    }),
  })
  .prefault({})
  .describe('Which registry, and how it is reached.');

const registration = z
  .strictObject({
    ttlMs: milliseconds('How long an instance stays listed after its last sign of life.', {
      min: 1000,
      max: DAY_MS,
      default: 15_000,
    }),
    verifyIntervalMs: milliseconds(
      'How often a registered instance is looked for in the registry, and put again when it is missing.',
      {
        min: 100,
        max: DAY_MS,
        default: 30_000,
      },
    ),
    concurrency: wholeNumber('The most registrations that are sent to the registry at once.', {
      min: 1,
      max: 10_000,
      default: 32,
    }),
  })
  .prefault({})
  .describe('How this process keeps its own instances listed.');

const protection = z
  .strictObject({
    minShare: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        'A list that shrinks below this share of the last one is held back first. From 0 to 1. Defaults to 0.5.',
      ),
    holdMs: milliseconds('How long what such a list dropped is kept before a second look decides.', {
      min: 0,
      max: HOUR_MS,
      // A TTL: by then everyone who lost the same registry has registered again.
      default: 15_000,
    }),
  })
  .prefault({});

const discovery = z
  .strictObject({
    mode: z
      .enum(['watch', 'poll'])
      .default('watch')
      .describe(
        'watch: the registry tells of changes. poll: it is asked every pollIntervalMs. Defaults to watch.',
      ),
    pollIntervalMs: milliseconds(
      'How often a list is read in poll mode, and from registries that cannot be watched.',
      {
        min: 50,
        max: HOUR_MS,
        default: 2000,
      },
    ),
    relistIntervalMs: milliseconds(
      'How often a watched list is read in full, in case the watch missed something.',
      {
        min: 100,
        max: DAY_MS,
        default: MINUTE_MS,
      },
    ),
    idleMs: milliseconds('A list that nobody has read for this long is let go.', {
      min: 0,
      max: DAY_MS,
      default: 300_000,
    }),
    snapshotDir: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'A folder where lists are kept, so that a process can start while its registry is down. Off when absent.',
      ),
    maxStaleMs: z
      .int()
      .min(0)
      .max(365 * DAY_MS)
      .exactOptional()
      .describe(
        'During an outage, the last good list is used up to this age. Milliseconds. Without limit when absent.',
      ),
    protection: z
      .union([z.literal(false), protection])
      .prefault({})
      .describe('Guards against a list that is empty or much smaller by mistake. false turns it off.'),
  })
  .prefault({})
  .describe('How lists of instances are read and kept.');

const backoff = z
  .strictObject({
    baseMs: milliseconds('The longest first wait after a failure; it doubles with each further one.', {
      min: 1,
      max: HOUR_MS,
      default: 200,
    }),
    capMs: milliseconds('No wait between two attempts is longer.', { min: 1, max: HOUR_MS, default: 5_000 }),
  })
  .superRefine((value, context) => {
    if (value.capMs < value.baseMs) {
      context.addIssue({
        code: 'custom',
        path: ['capMs'],
        message: `must not be below backoff.baseMs, which is ${value.baseMs}`,
      });
    }
  })
  .prefault({})
  .describe(
    'The waits between attempts while the registry fails. Each is drawn at random from zero to the current limit.',
  );

const service = z
  .strictObject({
    name: z.string().superRefine(nameRule('name')).describe('The name that callers look for.'),
    port: z.int().min(1).max(65_535).describe('The port that callers connect to.'),
    host: z
      .string()
      .exactOptional()
      .describe(
        'The host name or address that callers connect to. Found from the network interfaces when absent.',
      ),
    interface: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'Where to find the address when host is absent: the name of a network interface (eth1) or a range (10.0.0.0/8).',
      ),
    id: z.string().exactOptional().describe('Names this instance among its siblings. Defaults to host:port.'),
    namespace: z.string().exactOptional().describe('Defaults to registry.namespace.'),
    status: z
      .enum(INSTANCE_STATUSES)
      .exactOptional()
      .describe('What it is listed as once it is ready. Defaults to UP.'),
    weight: z
      .number()
      .min(0)
      .max(MAX_WEIGHT)
      .exactOptional()
      .describe('Its share of the calls relative to its siblings; 0 gives it none. Defaults to 1.'),
    version: z.string().exactOptional().describe('The version of the software that it runs.'),
    zone: z
      .string()
      .exactOptional()
      .describe('The failure domain that it runs in, as the platform names it.'),
    tags: z.array(z.string()).exactOptional().describe('Words to select instances by.'),
    metadata: z.record(z.string(), z.string()).exactOptional().describe('Your own data, text by text.'),
    scheme: z
      .string()
      .exactOptional()
      .describe('The protocol that the port speaks: http, https, grpc, tcp …'),
    endpoints: z
      .array(z.string())
      .exactOptional()
      .describe('URLs of further protocols that the process serves, such as grpc://10.0.0.7:9000.'),
    ready: z
      .enum(['listening', 'manual'])
      .default('listening')
      .describe(
        'When it is listed. listening: once its own port accepts connections. manual: once the program says so. Defaults to listening.',
      ),
  })
  .superRefine((value, context) => {
    const { name, host, ready: _ready, interface: _interface, ...rest } = value;
    try {
      // A host that is found later can't be wrong in a way that matters here.
      defineInstance({ ...rest, service: name, host: host ?? 'localhost' });
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const field = error.field === 'service' ? 'name' : (error.field ?? '');
      context.addIssue({ code: 'custom', path: fieldPath(field), message: withoutField(error) });
    }
  })
  .exactOptional()
  .describe(
    'This process, registered at start-up. Leave it out to register in code, or to call others only.',
  );

const shutdown = z
  .strictObject({
    propagationDelayMs: z
      .int()
      .min(0)
      .max(HOUR_MS)
      .exactOptional()
      .describe(
        'How long it keeps serving after it left the list, until its callers have seen that. Milliseconds. Defaults to 2000; to what the registry takes to tell, where that is longer.',
      ),
    deadlineMs: z
      .int()
      .min(0)
      .max(HOUR_MS)
      .exactOptional()
      .describe(
        'How long a graceful shutdown may take before it stops waiting. Milliseconds. Defaults to 30000; to propagationDelayMs and 15000 more, where that is longer.',
      ),
    signals: z
      .boolean()
      .default(true)
      .describe('Whether SIGTERM and SIGINT start the shutdown. Defaults to true.'),
  })
  .prefault({})
  .describe('How this process leaves.');

const log = z
  .strictObject({
    level: z
      .enum(['silent', 'error', 'warn', 'info', 'debug'])
      .default('info')
      .describe('The least important messages that are still written. Defaults to info.'),
  })
  .prefault({})
  .describe('What Rollcall writes to the log.');

/** The configuration, as a Zod schema. Unknown keys are refused. */
export const configSchema = z
  .strictObject({
    registry,
    registration,
    discovery,
    backoff,
    access: namespaceRulesSchema,
    service,
    shutdown,
    log,
  })
  .describe('The configuration of Rollcall.');

/** What a user writes: every key may be left out, but for `service.name` and `service.port` in a `service` block. */
export type RollcallConfigInput = z.input<typeof configSchema>;

/** What the program works with: every default filled in, frozen. */
export type RollcallConfig = DeepReadonly<z.output<typeof configSchema>>;

/**
 * Types the configuration in a `rollcall.config.ts`; it returns what it gets.
 *
 * ```ts
 * export default defineConfig({ registry: { type: 'etcd', options: { endpoints: ['http://127.0.0.1:2379'] } } });
 * ```
 */
export function defineConfig(config: RollcallConfigInput): RollcallConfigInput {
  return config;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

function milliseconds(description: string, bounds: Bounds) {
  return wholeNumber(`${description} Milliseconds.`, bounds);
}

function wholeNumber(description: string, bounds: Bounds) {
  return z
    .int()
    .min(bounds.min)
    .max(bounds.max)
    .default(bounds.default)
    .describe(`${description} Defaults to ${bounds.default}.`);
}

function text(description: string, fallback: string) {
  return z.string().min(1).default(fallback).describe(`${description} Defaults to ${fallback}.`);
}

function nameRule(field: string) {
  return (value: string, context: z.RefinementCtx<string>): void => {
    try {
      checkName(field, value);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      context.addIssue({ code: 'custom', message: withoutField(error) });
    }
  };
}

/** `tags[1]` as a path. Metadata keys may hold dots and brackets themselves, so only the first name is split off. */
function fieldPath(field: string): (string | number)[] {
  const indexed = /^(\w+)\[(\d+)\]$/.exec(field);
  if (indexed?.[1] !== undefined) return [indexed[1], Number(indexed[2])];
  const dot = field.indexOf('.');
  return dot === -1 ? [field] : [field.slice(0, dot), field.slice(dot + 1)];
}

function withoutField(error: RegistryError): string {
  const field = error.field ?? '';
  return error.message.startsWith(`${field} `) ? error.message.slice(field.length + 1) : error.message;
}
