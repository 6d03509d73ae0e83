import { RegistryError, type ServiceInstance } from '@rollcall/core';
import type { ParsedLine } from '../command-line.ts';
import type { Command } from '../command.ts';
import { checkCanAsk, isConfirmed } from '../confirm.ts';
import { withConnection, type Connection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { addressOf } from '../instance-rows.ts';
import { createMember } from '../member.ts';
import { count, print, printJson, say, warn } from '../output.ts';
import { checkCanOverride, overrideInstances } from '../override.ts';
import { printable } from '../printable.ts';
import { progressLine } from '../progress.ts';
import { readEach } from '../read-each.ts';
import { readDump, type ReadDump } from '../restore/dump-file.ts';
import { holdInstances, type Holding } from '../restore/holding.ts';
import { nameOf, planRestore, type PlannedChange, type RestorePlan } from '../restore/plan.ts';
import { stopSignal } from '../stop-signal.ts';
import { UsageError } from '../usage-error.ts';

/** So many lines of a plan are shown before it is asked. */
const SHOWN = 20;

export const restore: Command = {
  name: 'restore',
  summary: 'Puts back what an operator had changed, and holds what is missing',
  operands: 'FILE',
  arity: { min: 1, max: 1 },
  needsRegistry: true,
  options: {
    'dry-run': { type: 'boolean', says: 'says what it would do, and does nothing' },
    hold: { type: 'boolean', says: 'keeps missing instances listed while their ports are open' },
    unchecked: { type: 'boolean', says: 'with --hold: also those whose ports are closed' },
    yes: { type: 'boolean', short: 'y', says: 'without asking' },
  },
  details: `
  rollcall restore before.json --dry-run
  rollcall restore before.json --yes
  rollcall restore before.json --hold --yes

FILE is what rollcall dump wrote; - is standard input. Instances that are listed get the weight back that they had, and
are drained or put back as they were. All else of an instance is for its own process to say.
What is missing can't be put back for good: an entry lives as long as somebody proves that its process does. With --hold
this command does, while the port accepts connections, until that process registers itself, or until Ctrl-C.
Without --hold the exit code is 1 where something is missing.
`,
  run: async (line) => {
    const [file = ''] = line.operands;
    if (line.flag('unchecked') && !line.flag('hold'))
      throw new UsageError('--unchecked is for --hold', 'restore');
    if (!line.flag('dry-run')) checkCanAsk(line);
    const dump = await readDump(file);
    return await withConnection(line, async (connection) => {
      checkNamespace(line, dump, connection.namespace);
      const instances = dump.instances.map((one) => inNamespace(one, connection.namespace));
      const plan = planRestore(
        instances,
        await listed(instances, connection),
        connection.adapter.capabilities,
      );
      if (line.flag('dry-run')) {
        tellPlan(line, connection, plan);
        return EXIT.ok;
      }
      if (plan.changes.length > 0 || (line.flag('hold') && plan.missing.length > 0)) {
        for (const { change } of plan.changes) checkCanOverride(connection.adapter, change);
        const question = questionOf(plan, line.flag('hold'));
        if (!(await isConfirmed(line, linesOf(plan, SHOWN), question))) {
          say('nothing was changed');
          return EXIT.failed;
        }
      }
      const areChanged = await applyChanges(connection, plan.changes);
      if (line.flag('json')) tellPlan(line, connection, plan);
      else if (areChanged && plan.changes.length > 0)
        say(`changed ${count(plan.changes.length, 'instance')}`);
      const isWhole = plan.missing.length === 0 || (await holdMissing(line, connection, plan.missing));
      return areChanged && isWhole ? EXIT.ok : EXIT.failed;
    });
  },
};

/** Where a dump is of another namespace than the registry's, which one is meant must be said. */
function checkNamespace(line: ParsedLine, dump: ReadDump, namespace: string): void {
  if (dump.namespace === namespace || line.text('namespace') !== undefined) return;
  const message = `the file is of the namespace ${dump.namespace}, and the configuration selects ${namespace}: say which with --namespace`;
  throw new UsageError(message, 'restore');
}

function inNamespace(instance: ServiceInstance, namespace: string): ServiceInstance {
  return instance.namespace === namespace ? instance : Object.freeze({ ...instance, namespace });
}

async function listed(
  instances: readonly ServiceInstance[],
  connection: Connection,
): Promise<readonly ServiceInstance[]> {
  const progress = progressLine();
  const services = [...new Set(instances.map(({ service }) => service))];
  let done = 0;
  const lists = await readEach(services, async (service) => {
    const list = await connection.discover(service);
    progress.show(`${++done} of ${count(services.length, 'service')} read`);
    return list.instances;
  });
  progress.clear();
  return lists.flat();
}

async function applyChanges(connection: Connection, changes: readonly PlannedChange[]): Promise<boolean> {
  const progress = progressLine();
  let isWhole = true;
  for (const group of alike(changes)) {
    const [{ change }] = group;
    const instances = group.map(({ instance }) => instance);
    const { unseen } = await overrideInstances(connection, instances, change, progress);
    for (const one of unseen)
      warn(
        `${nameOf(one)} was written, but the list doesn't have it so: it left, or its process wrote it again`,
      );
    isWhole &&= unseen.length === 0;
  }
  return isWhole;
}

/** Those of a service that change alike are written together, and looked for once. */
function alike(changes: readonly PlannedChange[]): readonly (readonly [PlannedChange, ...PlannedChange[]])[] {
  const groups = new Map<string, [PlannedChange, ...PlannedChange[]]>();
  for (const planned of changes) {
    const { instance, change } = planned;
    const key = JSON.stringify([instance.service, change.status, change.weight]);
    const group = groups.get(key);
    if (group) group.push(planned);
    else groups.set(key, [planned]);
  }
  return [...groups.values()];
}

/** @returns whether it went well: without `--hold`, what is missing stays so. */
async function holdMissing(
  line: ParsedLine,
  connection: Connection,
  missing: readonly ServiceInstance[],
): Promise<boolean> {
  if (!line.flag('hold')) {
    if (!line.flag('json')) for (const text of linesOf({ changes: [], missing }, SHOWN)) say(text);
    warn(
      missing.length === 1
        ? 'one instance is missing, and left to register by itself; --hold keeps it listed meanwhile'
        : `${missing.length} instances are missing, and left to register by themselves; --hold keeps them listed meanwhile`,
    );
    return false;
  }
  const { type, capabilities } = connection.adapter;
  if (!capabilities.fields.includes('metadata')) {
    const message = `${type}, as it is configured, holds no metadata, by which restore tells its entries from others`;
    throw new RegistryError('UNSUPPORTED', message);
  }
  const { registry, timeoutMs } = await createMember(line, () => {});
  const stop = stopSignal();
  const progress = progressLine();
  if (!line.flag('json')) say(`holding ${count(missing.length, 'instance')}; Ctrl-C takes them out`);
  try {
    const areTaken = await holdInstances(missing, {
      registry,
      connection,
      unchecked: line.flag('unchecked'),
      timeoutMs,
      signal: stop.signal,
      onChange: ({ instance, state }, all) => {
        progress.clear();
        if (line.flag('json')) printJson({ time: new Date().toISOString(), event: state, instance });
        else say(`${WORDS[state]} ${nameOf(instance)}`);
        progress.show(stateOf(all));
      },
    });
    progress.clear();
    if (areTaken && !line.flag('json'))
      say('every instance is kept by its own process: nothing is left to hold');
    return true;
  } finally {
    progress.clear();
    stop.release();
    await registry.close().catch(() => {});
  }
}

const WORDS = {
  waiting: 'port closed, taken out',
  listed: 'listed',
  taken: 'taken over by its own process',
  left: 'left',
} as const satisfies Record<Holding['state'], string>;

function stateOf(all: readonly Holding[]): string {
  const of = (wanted: Holding['state']): number => all.filter(({ state }) => state === wanted).length;
  return `${of('listed')} listed, ${of('waiting')} with closed ports, ${of('taken')} taken over`;
}

function tellPlan(line: ParsedLine, { namespace }: Connection, plan: RestorePlan): void {
  const { changes, missing, unchanged } = plan;
  if (line.flag('json')) {
    printJson({ namespace, changes, missing, unchanged: unchanged.length });
    return;
  }
  for (const text of linesOf(plan, Infinity)) print(text);
  say(`${changes.length} to change, ${missing.length} missing, ${unchanged.length} as they were`);
}

function linesOf(
  { changes, missing }: Pick<RestorePlan, 'changes' | 'missing'>,
  most: number,
): readonly string[] {
  const lines = [
    ...changes.map(({ instance, change }) => {
      const { status, weight } = change;
      const words = [
        ...(status === undefined ? [] : [`${instance.status} → ${status}`]),
        ...(weight === undefined ? [] : [`weight ${instance.weight} → ${weight}`]),
      ];
      return printable(`change   ${nameOf(instance)} ${words.join(', ')}`);
    }),
    ...missing.map((one) => printable(`missing  ${nameOf(one)} ${addressOf(one)} ${one.status}`)),
  ];
  return lines.length > most ? [...lines.slice(0, most), `… and ${lines.length - most} more`] : lines;
}

function questionOf({ changes, missing }: RestorePlan, holds: boolean): string {
  const parts = [
    ...(changes.length > 0 ? [`change ${count(changes.length, 'instance')}`] : []),
    ...(holds && missing.length > 0 ? [`hold ${count(missing.length, 'instance')} while this runs`] : []),
  ];
  const text = parts.join(' and ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}?`;
}
