import type { InstanceOverride, RollcallConfig, ServiceInstance } from '@rollcall/core';
import type { ParsedLine } from './command-line.ts';
import type { Option } from './command.ts';
import type { Connection } from './connection.ts';
import { formatDuration } from './duration.ts';
import { EXIT } from './exit-codes.ts';
import { count, printJson, say, warn } from './output.ts';
import { callersSeeItWithinMs, overrideInstances, waitForCallers, type Overridden } from './override.ts';
import { progressLine } from './progress.ts';

export const WAIT_OPTION = {
  type: 'boolean',
  says: 'until every caller could have seen it',
} as const satisfies Option;

export interface OverrideWork {
  readonly service: string;
  readonly change: InstanceOverride;
  /** Those to change. */
  readonly instances: readonly ServiceInstance[];
  /** Those that were asked for and are as wanted already. */
  readonly unchanged: readonly ServiceInstance[];
  /** What was done to those that are changed: `drained`. */
  readonly done: string;
}

/** Changes instances of a service, waits where `--wait` says so, and tells it. @returns the exit code. */
export async function applyOverride(
  line: ParsedLine,
  connection: Connection,
  config: RollcallConfig,
  { service, change, instances, unchanged, done }: OverrideWork,
): Promise<number> {
  const progress = progressLine();
  const overridden = await overrideInstances(connection, instances, change, progress);
  const { changed, unseen, writtenAt } = overridden;
  const waitMs = callersSeeItWithinMs(connection.adapter, config);
  const isWaitedFor = line.flag('wait') && changed.length > 0;
  if (isWaitedFor) await waitForCallers(writtenAt, waitMs, progress);
  if (line.flag('json')) {
    const waited = isWaitedFor && { waitedMs: waitMs };
    printJson({ namespace: connection.namespace, service, changed, unchanged, unseen, ...waited });
  } else {
    sayOutcome(service, overridden, done);
    if (isWaitedFor) say(`every caller could have seen it: ${formatDuration(waitMs)} have passed`);
  }
  return unseen.length === 0 ? EXIT.ok : EXIT.failed;
}

function sayOutcome(service: string, { changed, unseen }: Overridden, done: string): void {
  const [only] = changed;
  if (only && changed.length === 1) say(`${done} ${service}/${only.id}`);
  else if (only) say(`${done} ${count(changed.length, 'instance')} of ${service}`);
  for (const { id } of unseen)
    warn(
      `${service}/${id} was written, but the list doesn't have it so: it left, or its process wrote it again`,
    );
}
