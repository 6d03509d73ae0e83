/** What comes first: the export that makes the object. */
export interface Start {
  readonly id: number;
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

/** A call of the object. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

type Functions = Readonly<Record<string, (input: unknown) => unknown>>;

let target: Functions = {};

process.on('message', (message) => {
  const question = message as Start | Question;
  void answer(question).then((reply) => process.send?.(reply));
});

// Nobody is left to work for.
process.once('disconnect', () => process.exit());

async function answer(question: Start | Question): Promise<Answer> {
  const { id, name, input } = question;
  try {
    if (!('module' in question)) return { id, value: await target[name]?.(input) };
    const exports = (await import(question.module)) as Functions;
    target = (await exports[name]?.(input)) as Functions;
    return { id, value: undefined };
  } catch (error) {
    return { id, error: String(error instanceof Error ? error.stack : error) };
  }
}
