import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import {
  createRegistry,
  describeEvent,
  type Registration,
  type Registry,
  RegistryError,
} from '@rollcall/core';
import { machineNow } from './machine-clock.ts';
import {
  EXIT_WITHIN_MS,
  LEFTOVERS_EXIT_CODE,
  type Order,
  type Plan,
  READ_INTERVAL_MS,
  type Report,
} from './protocol.ts';

// A process of the suite: it registers, or reads all the time, or both, and tells the suite everything that it sees.

/** Warnings that say nothing about what runs here. */
const HARMLESS: ReadonlySet<string> = new Set(['DeprecationWarning', 'ExperimentalWarning']);

const trouble = (kind: string, error: unknown) =>
  tell({ report: 'trouble', what: `${kind}: ${inspect(error)}` });
process.on('unhandledRejection', (error) => trouble('unhandledRejection', error));
process.on('uncaughtException', (error) => trouble('uncaughtException', error));
process.on('warning', (warning) => {
  if (!HARMLESS.has(warning.name)) trouble('warning', warning);
});

let running: { registry: Registry; registration: Registration | undefined; stop: () => void } | undefined;
let isClosing = false;

process.on('disconnect', () => {
  if (!isClosing) process.exit(1);
});
process.on('message', (order: Order) => {
  void obey(order).catch((error: unknown) => trouble(`order ${order.order}`, error));
});

async function obey(order: Order): Promise<void> {
  switch (order.order) {
    case 'begin':
      running = await begin(order.plan);
      return;
    case 'deregister':
      await answer('deregister', running?.registration?.deregister());
      return;
    case 'close':
      isClosing = true;
      running?.stop();
      await running?.registry.close();
      tell({ report: 'closed' });
      process.disconnect();
      exitIfHeld();
      return;
    default:
      order satisfies never;
  }
}

async function begin({ config, service, registers, reads }: Plan): Promise<NonNullable<typeof running>> {
  const registry = await createRegistry({
    cwd: dirname(fileURLToPath(import.meta.url)),
    env: {},
    config,
    onEvent: (event) =>
      tell({
        report: 'event',
        at: machineNow(),
        line: describeEvent(event).message,
        // Deeper than any log goes: a credential must not even be in the cause of a cause.
        everything: inspect(event, { depth: 12, showHidden: true, maxStringLength: null }),
      }),
  });
  const registration =
    registers === undefined
      ? undefined
      : registry.register({ service, id: registers, host: '10.0.0.7', port: 8080 });
  const view = reads ? registry.service(service) : undefined;
  void answer('load', view?.load());
  const timer = setInterval(() => {
    const snapshot = view?.snapshot;
    tell({
      report: 'reading',
      reading: {
        at: machineNow(),
        list: snapshot && {
          ids: snapshot.instances.map(({ id }) => id),
          ageMs: snapshot.ageMs,
          source: snapshot.source,
        },
        status: view?.status,
        error: view?.error?.code,
        registration: registration?.state,
        registrationError: registration?.error?.code,
      },
    });
  }, READ_INTERVAL_MS);
  return { registry, registration, stop: () => clearInterval(timer) };
}

async function answer(to: 'load' | 'deregister', promise: Promise<unknown> | undefined): Promise<void> {
  if (!promise) return;
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isClosing) return;
  const code = error instanceof RegistryError ? error.code : 'no RegistryError';
  tell({
    report: 'answer',
    to,
    error: error === undefined ? undefined : { code, message: inspect(error, { depth: 12 }) },
  });
}

/** A timer or socket that was left keeps this process running: then it says which. */
function exitIfHeld(): void {
  setTimeout(() => {
    process.stderr.write(`left after close: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(LEFTOVERS_EXIT_CODE);
  }, EXIT_WITHIN_MS).unref();
}

function tell(report: Report): void {
  // What was told while the suite went away is of no use to anyone.
  if (process.connected) process.send?.(report, () => {});
}
