import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceInstance } from '@rollcall/core';
import type { Command } from '../command.ts';
import { checkCanAsk, isConfirmed } from '../confirm.ts';
import { withConnection, type Connection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { instanceLine } from '../instance-rows.ts';
import { sayNotListed } from '../not-listed.ts';
import { printJson, say } from '../output.ts';
import { printable } from '../printable.ts';

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
    checkCanAsk(line);
    return withConnection(line, async (connection) => {
      const [service = '', id = ''] = line.operands;
      const { instances } = await connection.discover(service);
      const instance = instances.find((one) => one.id === id);
      if (!instance) {
        if (line.flag('json')) printJson({ removed: false });
        sayNotListed(service, id, instances);
        return EXIT.failed;
      }
      const facts = [`${printable(service)}: ${instanceLine(instance)}`, COMES_BACK];
      if (!(await isConfirmed(line, facts, 'Remove it?'))) {
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
