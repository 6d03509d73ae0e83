import type { FreshCall, FreshReply } from './fresh-process.ts';

process.once('message', (message) => {
  const { module, name, input } = message as FreshCall;
  void run(module, name, input)
    .catch((error: unknown): FreshReply => ({ error: String(error instanceof Error ? error.stack : error) }))
    .then((reply) => process.send?.(reply, () => process.disconnect()));
});

async function run(module: string, name: string, input: unknown): Promise<FreshReply> {
  const exports = (await import(module)) as Record<string, (input: unknown) => unknown>;
  const call = exports[name];
  if (!call) throw new Error(`${module} exports no ${name}`);
  return { value: await call(input) };
}
