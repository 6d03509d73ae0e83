import type { Command } from './command.ts';
import { bench } from './commands/bench.ts';
import { completionCommand } from './commands/completion.ts';
import { deregister } from './commands/deregister.ts';
import { doctor } from './commands/doctor.ts';
import { drain, undrain } from './commands/drain.ts';
import { dump } from './commands/dump.ts';
import { helpCommand } from './commands/help.ts';
import { instances } from './commands/instances.ts';
import { policy } from './commands/policy.ts';
import { register } from './commands/register.ts';
import { restore } from './commands/restore.ts';
import { serve } from './commands/serve.ts';
import { services } from './commands/services.ts';
import { watch } from './commands/watch.ts';
import { weight } from './commands/weight.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  services,
  instances,
  watch,
  register,
  deregister,
  drain,
  undrain,
  weight,
  doctor,
  policy,
  dump,
  restore,
  bench,
  serve,
  completionCommand(() => COMMANDS),
  helpCommand(() => COMMANDS),
];
