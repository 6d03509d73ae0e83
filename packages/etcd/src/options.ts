import { credentialsComeTogether, serverUrl, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

/** The layouts, and what their keys start with unless `prefix` says otherwise. */
const DEFAULT_PREFIX = {
  rollcall: '/rollcall',
  kratos: '/microservices',
  'grpc-naming': '',
  'go-zero': '',
  kitex: 'kitex/registry-etcd',
} as const;

const DEFAULT_ENDPOINT = 'http://127.0.0.1:2379';

/** Checks `registry.options` of `registry.type: etcd`, and fills in the defaults. */
export const etcdOptions = z
  .strictObject({
    endpoints: z
      .array(serverUrl('http://10.0.0.5:2379'))
      .min(1)
      .default([DEFAULT_ENDPOINT])
      .describe('The client URLs of the cluster’s members. One is used at a time; when it fails, the next.'),
    username: z.string().min(1).describe('The etcd user. Left out: no authentication.').optional(),
    password: z.string().min(1).describe('The password of the etcd user.').optional(),
    tls: tlsOptions.optional(),
    prefix: z
      .string()
      .refine((text) => !text.endsWith('/'), 'must not end in a slash: it is added')
      .describe(
        'What all keys start with. Defaults to /rollcall; /microservices for kratos; kitex/registry-etcd for kitex; nothing for grpc-naming and go-zero.',
      )
      .optional(),
    layout: z
      .enum(['rollcall', 'kratos', 'grpc-naming', 'go-zero', 'kitex'])
      .default('rollcall')
      .describe('How instances are written: as Rollcall does, or as another framework’s etcd registry does.'),
  })
  .superRefine((options, issues) => {
    const secure = options.endpoints.filter((text) => text.startsWith('https:')).length;
    if (secure > 0 && secure < options.endpoints.length) {
      issues.addIssue({
        code: 'custom',
        path: ['endpoints'],
        message: 'mix http and https: use one of them for all',
      });
    }
    if (options.tls && secure === 0) {
      issues.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'is given, but the endpoints are http: make them https',
      });
    }
    credentialsComeTogether(options, issues);
  })
  .transform((options) => ({ ...options, prefix: options.prefix ?? DEFAULT_PREFIX[options.layout] }));

/** The options of the etcd adapter, as a user gives them. All may be left out. */
export type EtcdOptions = z.input<typeof etcdOptions>;

/** The options of the etcd adapter, checked and complete. */
export type ResolvedEtcdOptions = z.output<typeof etcdOptions>;
