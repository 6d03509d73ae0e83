import { serverUrl, tlsOptions } from '@rollcall/core/network';
import { z } from 'zod';

/** What may stand in a header: no space, no control character, nothing beyond ASCII. */
const TOKEN = /^[\u0021-\u007e]+$/u;

/** Checks `registry.options` of `registry.type: gateway`, and fills in the defaults. */
export const gatewayOptions = z
  .strictObject({
    urls: z
      .array(serverUrl('https://gateway:7070', { path: true, credentials: 'token or tokenFile' }))
      .min(1)
      .default(['http://127.0.0.1:7070'])
      .describe('The gateways, the nearest first. One is used until it fails, then the next.'),
    token: z
      .string()
      .regex(TOKEN, 'must be one line of ASCII, without spaces')
      .describe('A JWT or an API key that says who this is. Left out: nobody in particular.')
      .optional(),
    tokenFile: z
      .string()
      .min(1)
      .describe('A file with that, instead of `token`; read at each request, so it can be replaced.')
      .optional(),
    tls: tlsOptions.optional(),
    propagationMs: z
      .int()
      .min(0)
      .max(300_000)
      .default(1_000)
      .describe(
        'Until a change is seen by others, in milliseconds. More where the registry behind the gateways is slow to tell, as Eureka is.',
      ),
  })
  .superRefine((options, issues) => {
    const secure = options.urls.filter((text) => text.startsWith('https:')).length;
    if (options.token !== undefined && options.tokenFile !== undefined) {
      issues.addIssue({
        code: 'custom',
        path: ['tokenFile'],
        message: 'is given beside token: use one of them',
      });
    }
    if (secure > 0 && secure < options.urls.length) {
      issues.addIssue({
        code: 'custom',
        path: ['urls'],
        message: 'mix http and https: use one of them for all',
      });
    }
    if (options.tls && secure === 0) {
      issues.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'is given, but the URLs are http: make them https',
      });
    }
  });

/** The options of the gateway adapter, as a user gives them. All may be left out. */
export type GatewayOptions = z.input<typeof gatewayOptions>;

/** The options of the gateway adapter, checked and complete. */
export type ResolvedGatewayOptions = z.output<typeof gatewayOptions>;
