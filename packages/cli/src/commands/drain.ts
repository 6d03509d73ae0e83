import type { InstanceStatus, ServiceInstance } from '@rollcall/core';
import type { ParsedLine } from '../command-line.ts';
import type { Command } from '../command.ts';
import { checkCanAsk, isConfirmed } from '../confirm.ts';
import { withConnection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { instanceLine } from '../instance-rows.ts';
import { sayNotListed } from '../not-listed.ts';
import { count, say, warn } from '../output.ts';
import { applyOverride, WAIT_OPTION } from '../override-command.ts';
import { checkCanOverride } from '../override.ts';
import { UsageError } from '../usage-error.ts';

/** So many instances are shown before it is asked. */
const SHOWN = 10;

/** A change of the status, one way or the other. */
interface Turn {
  readonly name: 'drain' | 'undrain';
  readonly summary: string;
  readonly status: InstanceStatus;
  /** Those that `--all` changes. */
  readonly from: readonly InstanceStatus[];
  readonly done: string;
  readonly details: string;
}

const LASTS = `Its registrar keeps that in what it writes later, until it is
undone or the process ends; a process of another framework undoes it with its next write.`;

/** Out of service: it gets no new calls, and finishes those that it has. */
export const drain = turn({
  name: 'drain',
  summary: 'Takes an instance out of service: it gets no new calls',
  status: 'OUT_OF_SERVICE',
  // One that is DOWN gets no calls, and undrain would put it back as if it were well.
  from: ['UP', 'STARTING', 'UNKNOWN'],
  done: 'drained',
  details: `
  rollcall drain user-service 10.0.0.7:8080 --wait
  rollcall drain user-service --all --yes

The instance stays listed, as OUT_OF_SERVICE, and its process lives on. ${LASTS}
With --wait it ends when every caller could have seen it; what was called before may still run.
With --all it asks first at a terminal; elsewhere it needs --yes.
`,
});

/** Back in service. */
export const undrain = turn({
  name: 'undrain',
  summary: 'Puts an instance back that was drained',
  status: 'UP',
  from: ['OUT_OF_SERVICE'],
  done: 'back in service:',
  details: `
  rollcall undrain user-service 10.0.0.7:8080
  rollcall undrain user-service --all --yes

Only what is OUT_OF_SERVICE: one that is DOWN or STARTING says so itself. ${LASTS}
`,
});

function turn({ name, summary, status, from, done, details }: Turn): Command {
  return {
    name,
    summary,
    operands: 'SERVICE [ID…]',
    arity: { min: 1, max: Infinity },
    needsRegistry: true,
    options: {
      all: { type: 'boolean', says: 'every instance of the service' },
      wait: WAIT_OPTION,
      yes: { type: 'boolean', short: 'y', says: 'without asking' },
    },
    details,
    run: async (line) => {
      const [service = '', ...ids] = line.operands;
      checkTargets(line, ids);
      return await withConnection(line, async (connection, { config }) => {
        checkCanOverride(connection.adapter, { status });
        const { instances } = await connection.discover(service);
        const wanted = line.flag('all') ? instances : pick(service, ids, instances);
        if (!wanted) return EXIT.failed;
        const unchanged = wanted.filter((one) => one.status === status);
        const targets = wanted.filter((one) =>
          line.flag('all') || name === 'undrain' ? from.includes(one.status) : one.status !== status,
        );
        if (line.flag('all') && targets.length > 0 && !(await isAgreed(line, service, name, targets))) {
          say('nothing was changed');
          return EXIT.failed;
        }
        if (!line.flag('json')) for (const { id } of unchanged) say(`${service}/${id} is ${status} already`);
        const left = wanted.filter((one) => one.status !== status && !targets.includes(one));
        for (const one of left) warn(`${service}/${one.id} is left as it is: its process says ${one.status}`);
        const work = { service, change: { status }, instances: targets, unchanged, done };
        const code = await applyOverride(line, connection, config, work);
        if (name === 'drain') warnOfNoneLeft(service, instances, targets);
        return left.length > 0 && !line.flag('all') ? EXIT.failed : code;
      });
    },
  };
}

function checkTargets(line: ParsedLine, ids: readonly string[]): void {
  const { command } = line;
  if (line.flag('all') && ids.length > 0)
    throw new UsageError(`${command} takes --all or ids, not both`, command);
  if (!line.flag('all') && ids.length === 0)
    throw new UsageError(`${command} needs the ID of an instance, or --all`, command);
  if (line.flag('all')) checkCanAsk(line);
}

/** The instances of these ids; nothing where one isn't listed, which is said. */
function pick(
  service: string,
  ids: readonly string[],
  instances: readonly ServiceInstance[],
): readonly ServiceInstance[] | undefined {
  const byId = new Map(instances.map((one) => [one.id, one]));
  const missing = ids.filter((id) => !byId.has(id));
  for (const id of missing) sayNotListed(service, id, instances);
  return missing.length > 0 ? undefined : [...new Set(ids)].flatMap((id) => byId.get(id) ?? []);
}

async function isAgreed(
  line: ParsedLine,
  service: string,
  name: string,
  targets: readonly ServiceInstance[],
): Promise<boolean> {
  const facts = targets.slice(0, SHOWN).map((one) => `${service}: ${instanceLine(one)}`);
  const more = targets.length > SHOWN ? [`… and ${targets.length - SHOWN} more`] : [];
  const which = targets.length === 1 ? 'this instance' : `these ${count(targets.length, 'instance')}`;
  return await isConfirmed(line, [...facts, ...more], `${name === 'drain' ? 'Drain' : 'Undrain'} ${which}?`);
}

function warnOfNoneLeft(
  service: string,
  before: readonly ServiceInstance[],
  drained: readonly ServiceInstance[],
): void {
  const isUp = (one: ServiceInstance): boolean => one.status === 'UP';
  if (!drained.some(isUp) || before.some((one) => isUp(one) && !drained.includes(one))) return;
  warn(`no instance of ${service} is UP any more: it has nobody to take calls`);
}
