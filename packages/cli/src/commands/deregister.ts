import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceInstance } from '@rollcall/core';
import type { Command } from '../command.ts';
import { withConnection, type Connection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { instanceLine } from '../instance-rows.ts';
import { printJson, say } from '../output.ts';
import { printable } from '../printable.ts';
import { UsageError } from '../usage-error.ts';

/** Between two looks whether it is gone, in milliseconds. */
const PAUSE_MS = 100;

const COMES_BACK = 'A process that lives registers itself again: to keep it away, stop the process.';

export const deregister: Command = {
  name: 'deregister',
  summary: 'Removes an instance that another process left behind',
  operands: 'SERVICE ID',
  arity: { min: 2, max: 2 },
  needsRegistry: true,
  options: { yes: { type: 'boolean', short: 'y', says: 'without asking' } },
  details: `
  rollcall deregister user-service 10.0.0.7:8080

For entries whose process is gone. ${COMES_BACK}
On a terminal it asks first; elsewhere it needs --yes.
`,
  run: (line) => {
    const canAsk = process.stdin.isTTY && process.stderr.isTTY;
    if (!line.flag('yes') && !canAsk)
      throw new UsageError('deregister needs --yes where nobody can be asked', 'deregister');
    return withConnection(line, async (connection) => {
      const [service = '', id = ''] = line.operands;
      const { instances } = await connection.discover(service);
      const instance = instances.find((one) => one.id === id);
      if (!instance) {
        const listed = instances.map((one) => one.id);
        const those =
          listed.length === 0 ? 'it has no instance' : `listed are ${listed.slice(0, 10).join(', ')}`;
        say(`${service} has no instance ${id}: ${those}`);
        return EXIT.failed;
      }
      if (!line.flag('yes') && !(await isConfirmed(instance))) {
        say('nothing was removed');
        return EXIT.failed;
      }
      await connection.deregister(instance);
      const after = await whenGone(connection, instance);
      if (line.flag('json')) printJson({ removed: after === 'gone', instance });
      else if (after === 'gone') say(`removed ${service}/${id}. ${COMES_BACK}`);
      if (after === 'gone') return EXIT.ok;
      say(
        `${service}/${id} is still listed: its process registered it again, or this registry lets only that process remove it`,
      );
      return EXIT.failed;
    });
  },
};

async function isConfirmed(instance: ServiceInstance): Promise<boolean> {
  say(`${printable(instance.service)}: ${instanceLine(instance)}`);
  say(COMES_BACK);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question('Remove it? [y/N] ');
    return /^y(?:es)?$/i.test(answer.trim());
  } catch {
    // Ctrl-C or the end of the input is a no.
    return false;
  } finally {
    asking.close();
  }
}

/** Looks until the list no longer has it, for as long as the registry takes to tell. */
async function whenGone(
  connection: Connection,
  { service, id }: ServiceInstance,
): Promise<'gone' | 'listed'> {
  const { propagationMs } = connection.adapter.capabilities;
  const end = performance.now() + propagationMs + 1_000;
  for (;;) {
    const { instances } = await connection.discover(service);
    if (!instances.some((one) => one.id === id)) return 'gone';
    if (performance.now() > end) return 'listed';
    await pause(PAUSE_MS);
  }
}
