import { readAddress } from '@rollcall/core/dialects';
import { credentialsComeTogether, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

/** The layouts, and what all paths start with unless `chroot` says otherwise. */
const DEFAULT_CHROOT = {
  rollcall: '/rollcall',
  spring: '/services',
  dubbo: '/services',
  kratos: '/microservices',
} as const;

/** The message never quotes the text: whoever writes credentials into it would find them in a log. */
const HOST_PROBLEM = 'must be host:port and nothing more, such as 10.0.0.5:2181';

/** Checks `registry.options` of `registry.type: zookeeper`, and fills in the defaults. */
export const zookeeperOptions = z
  .strictObject({
    hosts: z
      .array(z.string().refine((text) => readAddress(text) !== undefined, HOST_PROBLEM))
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
    tls: tlsOptions
      .optional()
      .describe(
        'Connects by TLS, to the servers’ secureClientPort: how they are checked, and with `cert` and `key` how the client shows who it is.',
      ),
    worldReadable: z
      .boolean()
      .default(false)
      .describe('With a user: whether others may read what it writes.'),
    layout: z
      .enum(['rollcall', 'spring', 'dubbo', 'kratos'])
      .default('rollcall')
      .describe(
        'How instances are written: as Rollcall does, as Spring Cloud or Dubbo does with Curator, or as Kratos does.',
      ),
  })
  .superRefine((options, issues) => {
    credentialsComeTogether(options, issues);
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

function isPath(text: string): boolean {
  return /^(?:\/[\w.~%:@+-]+)+$/u.test(text) && !/\/\.{1,2}(?:\/|$)/u.test(text);
}
