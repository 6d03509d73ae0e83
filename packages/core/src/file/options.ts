import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** What `registry.options` may hold for the type `file`. */
export const fileOptions = z.strictObject({
  dir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The folder that all processes share, on a file system of this machine. It is made with mode 0700 when it is missing. Defaults to rollcall-<user id> in the temporary folder of the system.',
    ),
});

export type FileAdapterOptions = z.infer<typeof fileOptions>;

/** The folder that is used when none is configured: one for each user of the machine. */
export function defaultDir(): string {
  const { uid, username } = userInfo();
  // Windows has no user ids (-1), and a temporary folder of its own for each user.
  return join(tmpdir(), `rollcall-${uid >= 0 ? uid : encodeURIComponent(username)}`);
}
