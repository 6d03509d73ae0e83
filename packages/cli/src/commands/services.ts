import { INSTANCE_STATUSES, type ServiceInstance } from '@rollcall/core';
import type { Command } from '../command.ts';
import { withConnection, type Connection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { statusCounts } from '../instance-rows.ts';
import { coloursOf, print, printJson, say, widthOf } from '../output.ts';
import { printable } from '../printable.ts';
import { readEach } from '../read-each.ts';
import { tableLines, type Cell, type Column } from '../table.ts';

/** With more services than this, their instances aren't read to be counted. */
const MAX_COUNTED = 200;

export const services: Command = {
  name: 'services',
  summary: 'Lists the services, with how many instances each has',
  operands: '',
  arity: { min: 0, max: 0 },
  needsRegistry: true,
  options: {},
  details: `
  rollcall services
  rollcall services --registry etcd --option endpoints='["http://10.0.0.5:2379"]'

Instances are counted by status where there are no more than ${MAX_COUNTED} services.
`,
  run: (line) =>
    withConnection(line, async (connection) => {
      const names = await connection.services();
      const isCounted = names.length <= MAX_COUNTED;
      const lists = isCounted ? await readLists(names, connection) : undefined;
      if (line.flag('json')) {
        const listed = names.map((service, at) => {
          const instances = lists?.[at];
          return { service, ...(instances && { instances: countsOf(instances) }) };
        });
        printJson({ namespace: connection.namespace, services: listed });
        return EXIT.ok;
      }
      if (names.length === 0) {
        say(`no service is listed in the namespace ${connection.namespace}`);
        return EXIT.ok;
      }
      const rows = names.map((name, at) => cells(name, lists?.[at]));
      const { dim } = coloursOf(process.stdout);
      for (const text of tableLines(COLUMNS, rows, { ...widthOf(process.stdout), title: dim })) print(text);
      if (!isCounted) say(`more than ${MAX_COUNTED} services: their instances were not counted`);
      return EXIT.ok;
    }),
};

const COLUMNS: readonly Column[] = [
  { title: 'SERVICE', cutFirst: 1 },
  { title: 'INSTANCES', align: 'right' },
  ...INSTANCE_STATUSES.map((title) => ({ title, align: 'right' as const })),
];

async function readLists(names: readonly string[], connection: Connection) {
  const lists = await readEach(names, (name) => connection.discover(name));
  return lists.map(({ instances }) => instances);
}

function countsOf(instances: readonly ServiceInstance[]) {
  return { total: instances.length, ...statusCounts(instances) };
}

function cells(name: string, instances: readonly ServiceInstance[] | undefined): readonly Cell[] {
  if (!instances) return [{ text: printable(name) }];
  const counts = statusCounts(instances);
  return [
    { text: printable(name) },
    { text: String(instances.length) },
    ...INSTANCE_STATUSES.map((status) => ({ text: String(counts[status] ?? '') })),
  ];
}
