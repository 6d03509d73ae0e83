#!/usr/bin/env node
import { run } from './run.ts';

// Whoever reads the output may have seen enough, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await run(process.argv.slice(2));

// An adapter's client that leaves something open must not keep the process; what was written must be out first.
process.stdout.write('', () => process.exit(code));
