import { RegistryError } from '@rollcall/core';
import { z } from 'zod';

/** The layouts, and what their keys start with unless `prefix` says otherwise. */
const DEFAULT_PREFIX = {
  rollcall: '/rollcall',
  kratos: '/microservices',
  'grpc-naming': '',
  'go-zero': '',
} as const;

const DEFAULT_ENDPOINT = 'http://127.0.0.1:2379';

const endpoint = z.string().superRefine((text, issues) => {
  const problem = endpointProblem(text);
  if (problem) issues.addIssue({ code: 'custom', message: problem });
});

const pem = (what: string) =>
  z.string().min(1).describe(`${what}: PEM text, or the path of a PEM file, read at connect.`);

const tls = z
  .strictObject({
    ca: pem('The certificate authorities that the servers are checked against').optional(),
    cert: pem("The client's own certificate").optional(),
    key: pem("The private key of the client's certificate").optional(),
    serverName: z
      .string()
      .min(1)
      .describe('The name that the servers’ certificates are for, where it is not the host.')
      .optional(),
  })
  .refine(
    ({ cert, key }) => (cert === undefined) === (key === undefined),
    'cert and key come together: give both or none',
  )
  .describe(
    'How the servers are checked, and with `cert` and `key` how the client shows who it is. Endpoints must be https.',
  );

/** Checks `registry.options` of `registry.type: etcd`, and fills in the defaults. */
export const etcdOptions = z
  .strictObject({
    endpoints: z
      .array(endpoint)
      .min(1)
      .default([DEFAULT_ENDPOINT])
      .describe('The client URLs of the cluster’s members. One is used at a time; when it fails, the next.'),
    username: z.string().min(1).describe('The etcd user. Left out: no authentication.').optional(),
    password: z.string().min(1).describe('The password of the etcd user.').optional(),
    tls: tls.optional(),
    prefix: z
      .string()
      .refine((text) => !text.endsWith('/'), 'must not end in a slash: it is added')
      .describe(
        'What all keys start with. Defaults to /rollcall; /microservices for kratos; nothing for grpc-naming and go-zero.',
      )
      .optional(),
    layout: z
      .enum(['rollcall', 'kratos', 'grpc-naming', 'go-zero'])
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
    if ((options.username === undefined) !== (options.password === undefined)) {
      const path = [options.username === undefined ? 'username' : 'password'];
      issues.addIssue({ code: 'custom', path, message: 'is missing: username and password come together' });
    }
  })
  .transform((options) => ({ ...options, prefix: options.prefix ?? DEFAULT_PREFIX[options.layout] }));

/** The options of the etcd adapter, as a user gives them. All may be left out. */
export type EtcdOptions = z.input<typeof etcdOptions>;

/** The options of the etcd adapter, checked and complete. */
export type ResolvedEtcdOptions = z.output<typeof etcdOptions>;

/** @throws {RegistryError} `INVALID_CONFIG` that names the first option at fault, and no value. */
export function resolveEtcdOptions(options: EtcdOptions): ResolvedEtcdOptions {
  const result = etcdOptions.safeParse(options);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new RegistryError('INVALID_CONFIG', `etcd options: ${field} ${issue?.message ?? 'are refused'}`, {
    field,
  });
}

/** The message never quotes the URL: whoever writes credentials into it would find them in a log. */
function endpointProblem(text: string): string | undefined {
  const example = 'such as http://10.0.0.5:2379';
  if (!/^https?:\/\//u.test(text) || !URL.canParse(text)) return `must be a URL ${example}`;
  const url = new URL(text);
  if (url.username || url.password || text.includes('@')) {
    return 'holds a user name or password: put them into username and password';
  }
  if (!/^https?:\/\/[^/?#]+:\d+\/?$/u.test(text))
    return `must be scheme, host and port and nothing more, ${example}`;
  return undefined;
}
