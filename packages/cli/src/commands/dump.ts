import type { ServiceInstance, SkippedEntry } from '@rollcall/core';
import type { Command } from '../command.ts';
import { withConnection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { print } from '../output.ts';
import { jsonText } from '../printable.ts';
import { readEach } from '../read-each.ts';
import { warnOfSkipped } from '../skipped.ts';

/** What `rollcall dump` writes. Services are sorted by name, instances by id, keys as they stand here. */
export interface Dump {
  readonly format: 'rollcall-dump';
  /** Grows when a reader of the last one would no longer understand it. */
  readonly version: 1;
  readonly namespace: string;
  readonly services: readonly DumpedService[];
}

export interface DumpedService {
  readonly service: string;
  readonly instances: readonly ServiceInstance[];
  /** Entries that can't be read as instances; left out where there is none. */
  readonly skipped?: readonly SkippedEntry[];
}

export const dump: Command = {
  name: 'dump',
  summary: 'Writes everything that is listed as JSON',
  operands: '[SERVICE…]',
  arity: { min: 0, max: Infinity },
  needsRegistry: true,
  options: {},
  details: `
  rollcall dump > before.json
  rollcall dump user-service order-service

All services of the namespace, or those that are named. Two dumps of the same lists are the same text,
whichever registry they are from, so that they can be compared with diff.
`,
  run: (line) =>
    withConnection(line, async (connection) => {
      const names = line.operands.length > 0 ? [...new Set(line.operands)] : await connection.services();
      const services = await readEach(names.toSorted(), async (service): Promise<DumpedService> => {
        const { instances, skipped } = await connection.discover(service);
        warnOfSkipped(skipped);
        return {
          service,
          instances: instances.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(sorted),
          ...(skipped.length > 0 && { skipped }),
        };
      });
      const { namespace } = connection;
      const dumped: Dump = { format: 'rollcall-dump', version: 1, namespace, services };
      print(jsonText(dumped, 2));
      return EXIT.ok;
    }),
};

/** With its keys in one order, and the metadata's: registries keep none. */
function sorted(instance: ServiceInstance): ServiceInstance {
  const { id, service, namespace, host, port, status, weight, metadata, ...rest } = instance;
  const { scheme, version, zone, tags, endpoints } = rest;
  return {
    id,
    service,
    namespace,
    host,
    port,
    status,
    weight,
    ...(scheme !== undefined && { scheme }),
    ...(version !== undefined && { version }),
    ...(zone !== undefined && { zone }),
    ...(tags && { tags }),
    ...(metadata && { metadata: sortedKeys(metadata) }),
    ...(endpoints && { endpoints }),
  };
}

function sortedKeys(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
