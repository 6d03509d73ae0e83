import { RegistryError } from '@rollcall/core';
import { z } from 'zod';
import type { Host } from './connection.ts';

/** The layouts, and what all paths start with unless `chroot` says otherwise. */
const DEFAULT_CHROOT = {
  rollcall: '/rollcall',
  spring: '/services',
  kratos: '/microservices',
} as const;

/** The message never quotes the text: whoever writes credentials into it would find them in a log. */
const HOST_PROBLEM = 'must be host:port and nothing more, such as 10.0.0.5:2181';

/** Checks `registry.options` of `registry.type: zookeeper`, and fills in the defaults. */
export const zookeeperOptions = z
  .strictObject({
    hosts: z
      .array(z.string().refine((text) => parseHost(text) !== undefined, HOST_PROBLEM))
      .min(1)
      .default(['127.0.0.1:2181'])
      .describe('The servers, as host:port. One is used at a time; when it fails, the next.'),
    chroot: z
      .string()
      .refine(isPath, 'must be a path such as /rollcall: no slash at the end, no empty part, no . or ..')
      .describe(
        'The node above everything. Defaults to /rollcall; /services for spring, /microservices for kratos.',
      )
      .optional(),
    username: z
      .string()
      .regex(/^[^:]+$/u, 'must be there and hold no colon')
      .describe('The user of the scheme digest. Left out: everybody may read and write the nodes.')
      .optional(),
    password: z.string().min(1).describe('The password of the user.').optional(),
    worldReadable: z
      .boolean()
      .default(false)
      .describe('With a user: whether others may read what it writes.'),
    layout: z
      .enum(['rollcall', 'spring', 'kratos'])
      .default('rollcall')
      .describe(
        'How instances are written: as Rollcall does, as Spring Cloud does with Curator, or as Kratos does.',
      ),
  })
  .superRefine((options, issues) => {
    if ((options.username === undefined) !== (options.password === undefined)) {
      const path = [options.username === undefined ? 'username' : 'password'];
      issues.addIssue({ code: 'custom', path, message: 'is missing: username and password come together' });
    }
    if (options.worldReadable && options.username === undefined) {
      const message = 'is for nodes that belong to a user: give username and password too';
      issues.addIssue({ code: 'custom', path: ['worldReadable'], message });
    }
  })
  .transform((options) => ({ ...options, chroot: options.chroot ?? DEFAULT_CHROOT[options.layout] }));

/** The options of the ZooKeeper adapter, as a user gives them. All may be left out. */
export type ZooKeeperOptions = z.input<typeof zookeeperOptions>;

/** The options of the ZooKeeper adapter, checked and complete. */
export type ResolvedZooKeeperOptions = z.output<typeof zookeeperOptions>;

/** @throws {RegistryError} `INVALID_CONFIG` that names the first option at fault, and no value. */
export function resolveZooKeeperOptions(options: ZooKeeperOptions): ResolvedZooKeeperOptions {
  const result = zookeeperOptions.safeParse(options);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new RegistryError(
    'INVALID_CONFIG',
    `zookeeper options: ${field} ${issue?.message ?? 'are refused'}`,
    {
      field,
    },
  );
}

/** `host:port`, with brackets around IPv6; `undefined` for anything else. */
export function parseHost(text: string): Host | undefined {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^\s:/@,[\]]+)):(\d{1,5})$/u.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}

function isPath(text: string): boolean {
  return /^(?:\/[\w.~%:@+-]+)+$/u.test(text) && !/\/\.{1,2}(?:\/|$)/u.test(text);
}
