import type { Command } from './command.ts';
import { bench } from './commands/bench.ts';
import { completionCommand } from './commands/completion.ts';
import { deregister } from './commands/deregister.ts';
import { doctor } from './commands/doctor.ts';
import { dump } from './commands/dump.ts';
import { helpCommand } from './commands/help.ts';
import { instances } from './commands/instances.ts';
import { policy } from './commands/policy.ts';
import { register } from './commands/register.ts';
import { serve } from './commands/serve.ts';
import { services } from './commands/services.ts';
import { watch } from './commands/watch.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  services,
  instances,
  watch,
  register,
  deregister,
  doctor,
  policy,
  dump,
  bench,
  serve,
  completionCommand(() => COMMANDS),
  helpCommand(() => COMMANDS),
];
