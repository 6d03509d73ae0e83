import { fork } from 'node:child_process';
import { once } from 'node:events';

/** What goes to a fresh process, and what comes back. */
export interface FreshCall {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

export type FreshReply = { readonly value: unknown } | { readonly error: string };

export interface FreshOptions {
  /** Ends the process when it takes longer, in milliseconds. Defaults to 300 000. */
  readonly timeoutMs?: number;
  /** More flags for Node. */
  readonly flags?: readonly string[];
}

const RUNNER = new URL('fresh-process-runner.ts', import.meta.url);

/**
 * Calls an exported function in a process of its own, with the flags of this one: what one bench did to the heap and
 * to the compiler's view of the code doesn't colour the next.
 *
 * @param module the `import.meta.url` of the module; @param name its export, which takes one input.
 */
export async function inFreshProcess<Output>(
  module: string,
  name: string,
  input: unknown,
  { timeoutMs = 300_000, flags = [] }: FreshOptions = {},
): Promise<Output> {
  const child = fork(RUNNER, {
    execArgv: [...process.execArgv, ...flags],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let reply: FreshReply | undefined;
  child.once('message', (message) => (reply = message as FreshReply));
  child.send({ module, name, input } satisfies FreshCall);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (!reply) throw new Error(`${name} gave no answer: its process ended with ${signal ?? code}`);
    if ('error' in reply) throw new Error(`${name} failed: ${reply.error}`);
    return reply.value as Output;
  } finally {
    clearTimeout(timer);
  }
}
