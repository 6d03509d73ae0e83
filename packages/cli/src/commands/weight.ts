import type { Command } from '../command.ts';
import { withConnection } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { sayNotListed } from '../not-listed.ts';
import { say } from '../output.ts';
import { applyOverride, WAIT_OPTION } from '../override-command.ts';
import { checkCanOverride, isAs } from '../override.ts';
import { parseWeight } from '../weight-value.ts';

export const weight: Command = {
  name: 'weight',
  summary: 'Changes the share of the calls that an instance gets',
  operands: 'SERVICE ID W',
  arity: { min: 3, max: 3 },
  needsRegistry: true,
  options: { wait: WAIT_OPTION },
  details: `
  rollcall weight user-service 10.0.0.7:8080 0.1 --wait
  rollcall weight user-service 10.0.0.7:8080 0

A number from 0 to 1000000, relative to its siblings; 0 gives it no calls. The registrar of the instance keeps it in what
it writes later, until the process sets its weight itself or ends; a process of another framework undoes it with its
next write.
`,
  run: async (line) => {
    const [service = '', id = '', text = ''] = line.operands;
    const change = { weight: parseWeight('W', text, 'weight') };
    return await withConnection(line, async (connection, { config }) => {
      checkCanOverride(connection.adapter, change);
      const { instances } = await connection.discover(service);
      const instance = instances.find((one) => one.id === id);
      if (!instance) {
        sayNotListed(service, id, instances);
        return EXIT.failed;
      }
      const isSo = isAs(instance, change);
      if (isSo && !line.flag('json')) say(`${service}/${id} has the weight ${text} already`);
      const [targets, unchanged] = isSo ? [[], [instance]] : [[instance], []];
      const done = `weight ${instance.weight} is now ${change.weight}:`;
      return await applyOverride(line, connection, config, {
        service,
        change,
        instances: targets,
        unchanged,
        done,
      });
    });
  },
};
