import type { Command } from '../command.ts';
import { withConnection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { byId, INSTANCE_COLUMNS, instanceCells } from '../instance-rows.ts';
import { coloursOf, print, printJson, say, widthOf } from '../output.ts';
import { warnOfSkipped } from '../skipped.ts';
import { tableLines } from '../table.ts';

export const instances: Command = {
  name: 'instances',
  summary: 'Lists the instances of a service',
  operands: 'SERVICE',
  arity: { min: 1, max: 1 },
  needsRegistry: true,
  options: {},
  details: `
  rollcall instances user-service
  rollcall instances user-service --json

On a terminal the table is cut to its width; into a pipe and with --json it is whole.
A service that nobody registered has no instances; that is no error.
`,
  run: (line) =>
    withConnection(line, async (connection) => {
      const [service = ''] = line.operands;
      const list = await connection.discover(service);
      const sorted = byId(list.instances);
      if (line.flag('json')) {
        printJson({
          namespace: connection.namespace,
          service,
          instances: sorted,
          ...(list.skipped.length > 0 && { skipped: list.skipped }),
        });
        return EXIT.ok;
      }
      warnOfSkipped(list.skipped);
      if (sorted.length === 0) {
        say(`no instance of ${service} is listed in the namespace ${connection.namespace}`);
        return EXIT.ok;
      }
      const colours = coloursOf(process.stdout);
      const rows = sorted.map((instance) => instanceCells(instance, colours));
      const lines = tableLines(INSTANCE_COLUMNS, rows, { ...widthOf(process.stdout), title: colours.dim });
      for (const text of lines) print(text);
      return EXIT.ok;
    }),
};
