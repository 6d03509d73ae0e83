import { credentialsComeTogether, serverUrl, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

const DEFAULT_SERVER = 'http://127.0.0.1:8761/eureka';

const MINUTE_MS = 60_000;

/** Checks `registry.options` of `registry.type: eureka`, and fills in the defaults. */
export const eurekaOptions = z
  .strictObject({
    servers: z
      .array(serverUrl('http://10.0.0.5:8761/eureka', { path: true }))
      .min(1)
      .default([DEFAULT_SERVER])
      .describe(
        'The servers, peers of each other, with the path that Eureka is served at. One is used at a time; when it fails, the next.',
      ),
    username: z
      .string()
      .regex(/^[^:]+$/u, 'must be there and hold no colon')
      .describe('The user, where the servers ask for HTTP basic authentication.')
      .optional(),
    password: z.string().min(1).describe('The password of the user.').optional(),
    tls: tlsOptions.optional(),
    layout: z
      .enum(['rollcall', 'spring', 'kratos'])
      .default('rollcall')
      .describe('How instances are written: as Rollcall does, as Spring Cloud does, or as Kratos does.'),
    pollIntervalMs: z
      .number()
      .int()
      .min(100)
      .max(MINUTE_MS)
      .default(3_000)
      .describe(
        'How often the servers are asked what changed while services are watched, in milliseconds. One request for all services.',
      ),
    responseCacheMs: z
      .number()
      .int()
      .min(0)
      .max(10 * MINUTE_MS)
      .default(30_000)
      .describe(
        'How long the servers cache their answers, in milliseconds: their eureka.server.response-cache-update-interval-ms. It sets nothing there; Rollcall must know it.',
      ),
    evictionIntervalMs: z
      .number()
      .int()
      .min(0)
      .max(60 * MINUTE_MS)
      .default(MINUTE_MS)
      .describe(
        'How often the servers look for expired leases, in milliseconds: their eureka.server.eviction-interval-timer-in-ms. It sets nothing there; Rollcall must know it.',
      ),
  })
  .superRefine((options, issues) => {
    if (options.tls && !options.servers.some((text) => text.startsWith('https:'))) {
      const message = 'is given, but the servers are http: make them https';
      issues.addIssue({ code: 'custom', path: ['tls'], message });
    }
    credentialsComeTogether(options, issues);
  });

/** The options of the Eureka adapter, as a user gives them. All may be left out. */
export type EurekaOptions = z.input<typeof eurekaOptions>;

/** The options of the Eureka adapter, checked and complete. */
export type ResolvedEurekaOptions = z.output<typeof eurekaOptions>;
