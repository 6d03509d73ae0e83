import { serverUrl, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

/** The least that Consul waits before it removes an entry whose check is critical, in milliseconds. */
const MIN_REMOVE_AFTER_MS = 60_000;

const checkOptions = z
  .strictObject({
    type: z
      .enum(['ttl', 'http', 'tcp', 'grpc'])
      .default('ttl')
      .describe(
        'Who shows that the instance is alive: `ttl`, its own beats; else a probe of it by the agent.',
      ),
    path: z
      .string()
      .startsWith('/', 'must start with a slash')
      .default('/health')
      .describe('The path that an `http` probe asks for.'),
    intervalMs: z.int().min(1_000).default(10_000).describe('Between two probes, in milliseconds.'),
    timeoutMs: z.int().min(100).default(2_000).describe('How long a probe may take, in milliseconds.'),
    removeAfterMs: z
      .int()
      .min(MIN_REMOVE_AFTER_MS)
      .optional()
      .describe(
        'How long the agent keeps an entry whose check is critical, in milliseconds. Defaults to 60 000, for a probe to 600 000.',
      ),
  })
  .prefault({})
  .transform((check) => ({
    ...check,
    removeAfterMs: check.removeAfterMs ?? (check.type === 'ttl' ? MIN_REMOVE_AFTER_MS : 600_000),
  }));

/** Checks `registry.options` of `registry.type: consul`, and fills in the defaults. */
export const consulOptions = z
  .strictObject({
    addresses: z
      .array(serverUrl('http://10.0.0.5:8500', { path: true, credentials: 'token' }))
      .min(1)
      .default(['http://127.0.0.1:8500'])
      .describe(
        'The HTTP addresses of Consul agents, the nearest first. One is used until it fails, then the next.',
      ),
    token: z.string().min(1).describe('The secret of the ACL token. Left out: none is sent.').optional(),
    tokenFile: z
      .string()
      .min(1)
      .describe('A file with the secret, instead of `token`; read at each request, so it can be replaced.')
      .optional(),
    datacenter: z
      .string()
      .min(1)
      .describe(
        'The datacenter to read from. Registrations go to the one of the agent. Defaults to that one.',
      )
      .optional(),
    consulNamespace: z
      .string()
      .min(1)
      .describe('Consul Enterprise: the Consul namespace that everything is in.')
      .optional(),
    partition: z.string().min(1).describe('Consul Enterprise: the admin partition.').optional(),
    tls: tlsOptions.optional(),
    layout: z
      .enum(['rollcall', 'spring', 'kratos'])
      .default('rollcall')
      .describe('How instances are written: as Rollcall does, or so that Spring Cloud or Kratos reads them.'),
    check: checkOptions,
  })
  .superRefine((options, issues) => {
    const secure = options.addresses.filter((text) => text.startsWith('https:')).length;
    if (options.token !== undefined && options.tokenFile !== undefined) {
      issues.addIssue({
        code: 'custom',
        path: ['tokenFile'],
        message: 'is given beside token: use one of them',
      });
    }
    if (secure > 0 && secure < options.addresses.length) {
      issues.addIssue({
        code: 'custom',
        path: ['addresses'],
        message: 'mix http and https: use one of them for all',
      });
    }
    if (options.tls && secure === 0) {
      issues.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'is given, but the addresses are http: make them https',
      });
    }
  });

/** The options of the Consul adapter, as a user gives them. All may be left out. */
export type ConsulOptions = z.input<typeof consulOptions>;

/** The options of the Consul adapter, checked and complete. */
export type ResolvedConsulOptions = z.output<typeof consulOptions>;
