import type { Command } from '../command.ts';
import { diagnose } from '../diagnosis.ts';
import { EXIT } from '../exit-codes.ts';
import type { Finding } from '../finding.ts';
import { coloursOf, print, printJson, widthOf } from '../output.ts';
import { printableLines } from '../printable.ts';
import { wrap } from '../wrap.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Finds out whether the registry can be used, and if not, why',
  operands: '',
  arity: { min: 0, max: 0 },
  needsRegistry: true,
  options: {},
  details: `
  rollcall doctor
  rollcall doctor --registry consul --option addresses='["http://10.0.0.5:8500"]'

One check after the other: configuration, adapter, registry, credentials, a round trip of a probe, the clocks, and the
address that would be advertised. Each is ok, warning, failed or skipped. Exit code 1 when one failed.
The probe is an instance of the service rollcall-doctor, out of service and of weight 0, and is taken out again.
`,
  run: async (line) => {
    const findings: Finding[] = [];
    for await (const finding of diagnose(line)) {
      findings.push(finding);
      if (!line.flag('json')) print(lineOf(finding));
    }
    const isWell = findings.every(({ status }) => status !== 'failed');
    if (line.flag('json')) printJson({ ok: isWell, checks: findings });
    return isWell ? EXIT.ok : EXIT.failed;
  },
};

const STATUS_WIDTH = 9;
const CHECK_WIDTH = 15;
/** Narrower than this, lines are left to the terminal. */
const MIN_WIDTH = 30;

function lineOf({ check, status, says, remedy }: Finding): string {
  const colours = coloursOf(process.stdout);
  const style = {
    ok: colours.green,
    warning: colours.yellow,
    failed: colours.red,
    skipped: colours.dim,
  }[status];
  const margin = STATUS_WIDTH + CHECK_WIDTH;
  const { width = Infinity } = widthOf(process.stdout);
  const text = printableLines([says, ...(remedy === undefined ? [] : [`→ ${remedy}`])].join('\n'));
  const lines = text.split('\n').flatMap((line) => wrap(line, Math.max(MIN_WIDTH, width - margin)));
  return `${style(status.padEnd(STATUS_WIDTH))}${check.padEnd(CHECK_WIDTH)}${lines.join(`\n${' '.repeat(margin)}`)}`;
}
