import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question, Start } from './staying-process-runner.ts';

/** An object that lives in a process of its own. */
export interface Remote<Target> {
  /** Calls a method of it, which takes one input. */
  call<Name extends MethodsOf<Target>>(
    name: Name,
    ...input: Parameters<Extract<Target[Name], Method>>
  ): Promise<Awaited<ReturnType<Extract<Target[Name], Method>>>>;
  /** Ends the process. */
  end(): Promise<void>;
}

type Method = (input: never) => unknown;
type MethodsOf<Target> = {
  [Name in keyof Target]: Target[Name] extends Method ? Name : never;
}[keyof Target] &
  string;

const RUNNER = new URL('staying-process-runner.ts', import.meta.url);

/** No call takes longer, in milliseconds. */
const CALL_MS = 300_000;

/**
 * Starts a process, with the flags of this one, that stays and does what it is told.
 *
 * @param module the `import.meta.url` of the module; @param name its export, which takes one input and gives the object.
 */
export async function stayingProcess<Target>(
  module: string,
  name: string,
  input: unknown,
): Promise<Remote<Target>> {
  const child = fork(RUNNER, {
    execArgv: [...process.execArgv],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const closed = once(child, 'close');
  const waiting = new Map<number, (answer: Answer) => void>();
  child.on('message', (message) => {
    const answer = message as Answer;
    waiting.get(answer.id)?.(answer);
  });
  child.once('close', (code, signal) => {
    const error = `its process ended with ${signal ?? code}`;
    for (const [id, settle] of waiting) settle({ id, error });
  });
  let asked = 0;
  const ask = async (question: Omit<Start, 'id'> | Omit<Question, 'id'>): Promise<unknown> => {
    const id = asked++;
    if (!child.connected) throw new Error(`${name}: its process has ended`);
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      timer = setTimeout(() => resolve({ id, error: `no answer within ${CALL_MS} ms` }), CALL_MS);
      child.send({ ...question, id });
    });
    clearTimeout(timer);
    waiting.delete(id);
    if ('error' in answer) throw new Error(`${name}: ${question.name} failed: ${answer.error}`);
    return answer.value;
  };
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  try {
    await ask({ module, name, input });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    call: async (method, ...[first]) => (await ask({ name: method, input: first })) as never,
    end,
  };
}
