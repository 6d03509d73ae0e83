import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  createRegistry,
  describeEvent,
  type Registration,
  type Registry,
  RegistryError,
  type ServiceInstance,
  type ServiceView,
} from '@rollcall/core';
import { machineNow } from './machine-clock.ts';
import {
  type Answered,
  crowdService,
  EXIT_WITHIN_MS,
  LEFTOVERS_EXIT_CODE,
  type Order,
  type Plan,
  READ_INTERVAL_MS,
  type Reading,
  type Report,
  type Weights,
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

/** One registry handle and what it is used for. */
interface Handle {
  readonly registry: Registry;
  readonly registrations: readonly Registration[];
  readonly view: ServiceView | undefined;
}

const handles: Handle[] = [];
let reading: NodeJS.Timeout | undefined;
let opening: Promise<void> | undefined;
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
      await begin(order.plan);
      return;
    case 'deregister':
      await answer(
        'deregister',
        eachRegistration((registration) => registration.deregister()),
      );
      return;
    case 'churn':
      await answer('churn', churn(order.rounds, order.leavers));
      return;
    case 'weigh':
      tell({ report: 'weight', heapBytes: heapInUse() });
      return;
    case 'close':
      isClosing = true;
      clearInterval(reading);
      await Promise.all(handles.map(({ registry }) => registry.close()));
      await opening?.catch(() => {});
      tell({ report: 'closed' });
      process.disconnect();
      exitIfHeld();
      return;
    default:
      order satisfies never;
  }
}

async function begin(plan: Plan): Promise<void> {
  opening = openAll(plan);
  void answer('load', opening);
  reading = setInterval(() => {
    if (handles.length < plan.handles) return;
    const seen = handles.map((handle) => read(handle));
    const [first] = seen;
    if (first) tell({ report: 'reading', reading: seen.length === 1 ? first : worstOf(seen) });
  }, READ_INTERVAL_MS);
}

/** A crowd gathers one by one, as processes start: what it does at once is for the fault to show. */
async function openAll(plan: Plan): Promise<void> {
  for (let handle = 0; handle < plan.handles && !isClosing; handle++) {
    // oxlint-disable-next-line no-await-in-loop -- one by one
    const opened = await open(plan, handle);
    if (isClosing) {
      // oxlint-disable-next-line no-await-in-loop -- then it is the last
      await opened.registry.close();
      return;
    }
    handles.push(opened);
    // oxlint-disable-next-line no-await-in-loop
    await opened.view?.load();
    if (plan.handles === 1) continue;
    // oxlint-disable-next-line no-await-in-loop -- as fast as the registry takes them
    await Promise.all(opened.registrations.map((registration) => registration.listed()));
  }
}

async function open(
  { config, service, registers, reads, handles: count, firstPort }: Plan,
  handle: number,
): Promise<Handle> {
  const isCrowd = count > 1;
  const registry = await createRegistry({
    cwd: dirname(fileURLToPath(import.meta.url)),
    env: {},
    config,
    // A thousand would tell more than anybody reads.
    onEvent: (event) =>
      isCrowd ||
      tell({
        report: 'event',
        at: machineNow(),
        line: describeEvent(event).message,
        // Deeper than any log goes: a credential must not even be in the cause of a cause.
        everything: inspect(event, { depth: 12, showHidden: true, maxStringLength: null }),
      }),
  });
  const registrations = registers.map((id, i) =>
    registry.register({
      service: isCrowd ? crowdService(handle) : service,
      id: isCrowd ? `${id}-${handle}` : id,
      host: '10.0.0.7',
      port: firstPort + i + handle,
    }),
  );
  return { registry, registrations, view: reads ? registry.service(service) : undefined };
}

function read({ registrations, view }: Handle): Reading {
  const snapshot = view?.snapshot;
  const late =
    registrations.find(({ state }) => state !== 'registered' && state !== 'deregistered') ??
    registrations.at(-1);
  return {
    at: machineNow(),
    list: snapshot && {
      ids: snapshot.instances.map(({ id }) => id),
      ageMs: snapshot.ageMs,
      source: snapshot.source,
      weights: weightsOf(snapshot.instances),
    },
    status: view?.status,
    error: view?.error?.code,
    registration: late?.state,
    registrationError: late?.error?.code,
  };
}

/** Of many handles: what no other sees worse, for each thing that can be seen. */
function worstOf(seen: readonly Reading[]): Reading {
  const worse = (isWorse: (a: Reading, b: Reading) => boolean) =>
    seen.reduce((a, b) => (isWorse(b, a) ? b : a));
  const { at } = worse((a, b) => a.at < b.at);
  const { list } = worse(
    (a, b) =>
      (a.list?.ids.length ?? -1) < (b.list?.ids.length ?? -1) ||
      (a.list?.ids.length === b.list?.ids.length && (a.list?.ageMs ?? 0) > (b.list?.ageMs ?? 0)),
  );
  const { status, error } = worse((a, b) => a.status !== 'live' && b.status === 'live');
  const { registration, registrationError } = worse(
    (a, b) => a.registration !== 'registered' && b.registration === 'registered',
  );
  return { at, list, status, error, registration, registrationError };
}

const lastWeights = new Map<string, number>();
let backwards = 0;

function weightsOf(instances: readonly ServiceInstance[]): Weights | undefined {
  let [min, max] = [Number.POSITIVE_INFINITY, 0];
  for (const { id, weight = 1 } of instances) {
    if (weight < (lastWeights.get(id) ?? 0)) backwards++;
    lastWeights.set(id, weight);
    min = Math.min(min, weight);
    max = Math.max(max, weight);
  }
  return { min, max, backwards };
}

async function churn(rounds: number, leavers: number): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    // oxlint-disable-next-line no-await-in-loop -- each change is one that the registry took
    await eachRegistration((registration, i) =>
      round === rounds && i < leavers
        ? registration.deregister({ timeoutMs: CHURN_WAIT_MS })
        : registration.update({ weight: round }, { timeoutMs: CHURN_WAIT_MS }),
    );
  }
}

/** How long one change may take, in milliseconds, while all others are made. */
const CHURN_WAIT_MS = 60_000;

async function eachRegistration(
  act: (registration: Registration, index: number) => Promise<void>,
): Promise<void> {
  await Promise.all(handles.flatMap(({ registrations }) => registrations).map(act));
}

/** In bytes, after the garbage was collected. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

async function answer(to: Answered, promise: Promise<unknown>): Promise<void> {
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
    const held = process.getActiveResourcesInfo();
    // By two pipes it writes: they keep no process, and one that has only these is slow to end.
    for (let pipes = 2; pipes > 0 && held.includes('PipeWrap'); pipes--)
      held.splice(held.indexOf('PipeWrap'), 1);
    if (held.length === 0) return exitIfHeld();
    process.stderr.write(`left after close: ${held.join(', ')}\n`);
    process.exit(LEFTOVERS_EXIT_CODE);
  }, EXIT_WITHIN_MS).unref();
}

function tell(report: Report): void {
  // What was told while the suite went away is of no use to anyone.
  if (process.connected) process.send?.(report, () => {});
}
