import { credentialsComeTogether, serverUrl, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

const DEFAULT_SERVER = 'http://127.0.0.1:8848';

/** What Nacos takes as the id of a namespace, and as the names of a group and a cluster. */
const namespaceId = z.string().regex(/^[\w-]{1,64}$/u, 'must be 1 to 64 letters, digits, - or _');
const group = z.string().regex(/^[\w:.-]{1,128}$/u, 'must be 1 to 128 letters, digits, -, _, : or .');
const cluster = z.string().regex(/^[\w-]{1,64}$/u, 'must be 1 to 64 letters, digits, - or _');

/** Checks `registry.options` of `registry.type: nacos`, and fills in the defaults. */
export const nacosOptions = z
  .strictObject({
    servers: z
      .array(serverUrl(DEFAULT_SERVER, { path: true }))
      .min(1)
      .default([DEFAULT_SERVER])
      .describe(
        'The servers’ HTTP addresses, with their context path where it is not /nacos. One is used at a time; when it fails, the next. gRPC is spoken on the port that is higher by 1000.',
      ),
    transport: z
      .enum(['auto', 'grpc', 'http'])
      .default('auto')
      .describe(
        'How the servers are spoken to: by gRPC (Nacos 2 and later), by HTTP (older ones, and where nothing else passes), or by gRPC where its port answers.',
      ),
    username: z.string().min(1).describe('The Nacos user. Left out: no authentication.').optional(),
    password: z.string().min(1).describe('The password of the Nacos user.').optional(),
    tls: tlsOptions.optional(),
    group: group.default('DEFAULT_GROUP').describe('The group of all services.'),
    cluster: cluster
      .default('DEFAULT')
      .describe('The cluster that instances are registered in. Those of every cluster are read.'),
    ephemeral: z
      .boolean()
      .default(true)
      .describe(
        'Whether instances leave with their process. If not, they stay until they are deregistered, and Nacos probes them.',
      ),
    namespaces: z
      .record(z.string(), namespaceId)
      .default({})
      .describe(
        'The ids of Nacos’ namespaces, by the name that Rollcall has for them. Left out: the name is the id, but default is public.',
      ),
    layout: z
      .enum(['rollcall', 'spring', 'kratos'])
      .default('rollcall')
      .describe('How instances are written: as Rollcall, as Spring Cloud Alibaba, or as Kratos does.'),
  })
  .superRefine((options, issues) => {
    const { servers, tls, namespaces } = options;
    const secure = servers.filter((text) => text.startsWith('https:')).length;
    if (secure > 0 && secure < servers.length) {
      const message = 'mix http and https: use one of them for all';
      issues.addIssue({ code: 'custom', path: ['servers'], message });
    }
    if (tls && secure === 0) {
      const message = 'is given, but the servers are http: make them https';
      issues.addIssue({ code: 'custom', path: ['tls'], message });
    }
    const ids = Object.values(namespaces);
    if (new Set(ids).size < ids.length) {
      const message = 'give two names to one namespace: each needs its own';
      issues.addIssue({ code: 'custom', path: ['namespaces'], message });
    }
    credentialsComeTogether(options, issues);
  });

/** The options of the Nacos adapter, as a user gives them. All may be left out. */
export type NacosOptions = z.input<typeof nacosOptions>;

/** The options of the Nacos adapter, checked and complete. */
export type ResolvedNacosOptions = z.output<typeof nacosOptions>;
