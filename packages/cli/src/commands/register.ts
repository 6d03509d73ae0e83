import { describeEvent, type Registration, type RegistryEvent } from '@rollcall/core';
import { advertisedAddress } from '../advertised-address.ts';
import { parseAssignment } from '../assignment.ts';
import { startCommand, type ChildCommand } from '../child-command.ts';
import type { ParsedLine } from '../command-line.ts';
import type { Command } from '../command.ts';
import { formatDuration } from '../duration.ts';
import { EXIT } from '../exit-codes.ts';
import { addressOf } from '../instance-rows.ts';
import { createMember } from '../member.ts';
import { coloursOf, say, warn } from '../output.ts';
import { whenOpen } from '../port-open.ts';
import { jsonText } from '../printable.ts';
import { registryErrorCode } from '../registry-error-code.ts';
import { UsageError } from '../usage-error.ts';
import { parseWeight } from '../weight-value.ts';

/** When the port of a command isn't open by then, that is said, in milliseconds. */
const SAY_NOT_OPEN_MS = 10_000;

export const register: Command = {
  name: 'register',
  summary: 'Keeps an instance listed until Ctrl-C, or while a command runs',
  operands: 'SERVICE [-- COMMAND ARGS…]',
  arity: { min: 1, max: 1 },
  takesCommand: true,
  needsRegistry: true,
  options: {
    port: { type: 'string', value: 'N', says: 'the port that callers connect to. Must be given' },
    host: { type: 'string', value: 'HOST', says: "the address that callers connect to (the machine's)" },
    id: { type: 'string', value: 'ID', says: 'its name among its siblings (host:port)' },
    weight: { type: 'string', value: 'W', says: 'its share of the calls; 0 gives it none (1)' },
    zone: { type: 'string', value: 'ZONE', says: 'the failure domain that it runs in' },
    tag: { type: 'string', multiple: true, value: 'TAG', says: 'a word to select it by. Repeatable' },
    meta: { type: 'string', multiple: true, value: 'KEY=VALUE', says: 'data of your own. Repeatable' },
  },
  details: `
  rollcall register user-service --port 8080
  rollcall register user-service --port 8080 --zone eu-1 --meta version=7 -- node server.js

Alone, it lists the instance at once. With a command, it runs it, lists the instance once its port is open, passes
SIGINT, SIGTERM and SIGHUP on to it, and ends with its exit code. On the way out the instance leaves the list first,
and the signal is passed on when callers have had time to see that (shutdown.propagationDelayMs). A second signal
is passed on at once.
`,
  run: async (line) => {
    const [service = ''] = line.operands;
    const given = specOf(line);
    const tell = teller(line);
    let refused: (error: Error) => void = () => {};
    const { registry, loaded, timeoutMs } = await createMember(line, (event) => {
      tell.event(event);
      // The registrar goes on trying, for credentials may be mended. Somebody who waits at a terminal is told instead.
      if (event.type === 'registration-retry' && isRefusal(event.error)) refused(event.error);
    });
    try {
      const choice = advertisedAddress(loaded.config, registry.type, line.text('host'));
      if (line.text('host') === undefined && line.flag('verbose')) say(choice.reason);
      const { host } = choice;
      // What is wrong with the instance is said before the command runs: with a gate that opens when it does.
      let open = (): void => {};
      const started = new Promise<void>((resolve) => (open = resolve));
      const registration = registry.register(
        { ...given, service, host },
        {
          ready: async (signal) => {
            await started;
            if (line.rest.length > 0) await whenOpen(host, given.port, signal);
          },
        },
      );
      if (line.rest.length > 0) {
        const command = startCommand(line.rest);
        open();
        return await keepWithCommand(command, { registration, registry, tell, timeoutMs });
      }
      const refusal = new Promise<never>((_, reject) => (refused = reject));
      refusal.catch(() => {});
      open();
      return await keep({ registration, registry, tell, timeoutMs, refusal });
    } finally {
      await registry.close().catch(() => {});
    }
  },
};

type Teller = ReturnType<typeof teller>;

interface Keeping {
  readonly registration: Registration;
  readonly registry: Awaited<ReturnType<typeof createMember>>['registry'];
  readonly tell: Teller;
  readonly timeoutMs: number;
}

/** Keeps it listed until a signal. */
async function keep({
  registration,
  registry,
  tell,
  timeoutMs,
  refusal,
}: Keeping & { readonly refusal: Promise<never> }): Promise<number> {
  const signals = onSignals();
  const controller = new AbortController();
  const listed = registration.listed({ timeoutMs, signal: controller.signal });
  listed.catch(() => {});
  const first = await Promise.race([listed.then(() => 'listed' as const), signals.next(), refusal]);
  if (first === 'listed') {
    tell.listed(registration);
    await signals.next();
  }
  controller.abort();
  signals.thenEnd();
  const { clean, steps } = await registry.shutdown();
  signals.release();
  if (clean) tell.left(registration);
  else warn(steps.find(({ error }) => error)?.error?.message ?? 'it could not leave the list in good order');
  return clean ? EXIT.ok : EXIT.failed;
}

/** Runs beside the command; its end is the end. */
async function keepWithCommand(
  command: ChildCommand,
  { registration, registry, tell, timeoutMs }: Keeping,
): Promise<number> {
  const signals = onSignals();
  const { host, port } = registration.instance;
  const notOpen = setTimeout(() => {
    if (registration.state === 'waiting')
      warn(`${addressOf({ host, port })} doesn't accept connections yet, so it isn't listed`);
  }, SAY_NOT_OPEN_MS);
  // A day is as good as for ever here: the wait ends with the command.
  const giveUp = new AbortController();
  registration
    .listed({ timeoutMs: 86_400_000, signal: giveUp.signal })
    .then(() => tell.listed(registration))
    // A registry that refuses was told of by its event; the command runs on.
    .catch(() => {});
  try {
    const first = await Promise.race([command.ended.then(() => undefined), signals.next()]);
    clearTimeout(notOpen);
    giveUp.abort();
    if (first === undefined) {
      // Nobody serves there any more: off the list at once.
      await registration.deregister({ timeoutMs }).then(
        () => tell.left(registration),
        (error: unknown) => warn(error instanceof Error ? error.message : String(error)),
      );
      return await command.ended;
    }
    signals.each((again) => command.kill(again));
    const shutdown = registry.shutdown();
    // It may end by itself: a terminal sends Ctrl-C to both.
    await Promise.race([shutdown, command.ended]);
    if (!isFromTerminal(first)) command.kill(first);
    const code = await command.ended;
    // Who is gone need not wait for callers to see it, only for the list to say so.
    await Promise.race([shutdown, registration.deregister({ timeoutMs }).catch(() => {})]);
    if (registration.state === 'deregistered') tell.left(registration);
    return code;
  } finally {
    clearTimeout(notOpen);
    signals.release();
  }
}

/** Ctrl-C at a terminal goes to every process that it runs in the foreground: the command has it already. */
function isFromTerminal(signal: NodeJS.Signals): boolean {
  return signal === 'SIGINT' && process.stdin.isTTY;
}

/** The signals that end this process, one after the other. */
function onSignals() {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let first: (signal: NodeJS.Signals) => void = () => {};
  const arrived = new Promise<NodeJS.Signals>((resolve) => (first = resolve));
  let act = (signal: NodeJS.Signals): void => first(signal);
  const onSignal = (signal: NodeJS.Signals): void => act(signal);
  for (const name of names) process.on(name, onSignal);
  return {
    /** The first. */
    next: () => arrived,
    /** What a further one does. */
    each: (then: (signal: NodeJS.Signals) => void): void => void (act = then),
    /** A further one ends this process at once. */
    thenEnd: (): void => void (act = () => process.exit(EXIT.failed)),
    release: (): void => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

function isRefusal(error: Error): boolean {
  const code = registryErrorCode(error);
  return code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED';
}

/**
 * How it is told what happens. On standard error: standard output belongs to the command. As JSON alone, it is the
 * result and goes to standard output.
 */
function teller(line: ParsedLine) {
  const json = line.flag('json');
  const stream = line.rest.length > 0 ? process.stderr : process.stdout;
  const write = (event: string, what: object): void =>
    void stream.write(`${jsonText({ time: new Date().toISOString(), event, ...what })}\n`);
  const { green } = coloursOf(process.stderr);
  let since = performance.now();
  const nameOf = ({ instance }: Registration): string =>
    `${instance.service}/${instance.id}${instance.id === addressOf(instance) ? '' : ` (${addressOf(instance)})`}`;
  return {
    listed(registration: Registration): void {
      if (json) write('listed', { instance: registration.instance });
      else
        say(
          `${green('listed')} ${nameOf(registration)}${line.rest.length > 0 ? '' : '; Ctrl-C takes it out'}`,
        );
      since = performance.now();
    },
    left(registration: Registration): void {
      if (json) write('left', { instance: registration.instance });
      else say(`left ${nameOf(registration)}, after ${formatDuration(performance.now() - since)}`);
    },
    event(event: RegistryEvent): void {
      const { level, message } = describeEvent(event);
      const isTold = level === 'warn' || level === 'error' || line.flag('verbose');
      if (!isTold) return;
      if (json) write('log', { level, message });
      else if (level === 'warn' || level === 'error') warn(message);
      else say(message);
    },
  };
}

function specOf(line: ParsedLine) {
  const port = portOf(line.text('port'));
  const [id, weight, zone] = [line.text('id'), line.text('weight'), line.text('zone')];
  const tags = line.texts('tag');
  const pairs = line.texts('meta').map((text) => parseAssignment('meta', text));
  return {
    port,
    ...(id !== undefined && { id }),
    ...(weight !== undefined && { weight: parseWeight('--weight', weight, 'register') }),
    ...(zone !== undefined && { zone }),
    ...(tags.length > 0 && { tags }),
    ...(pairs.length > 0 && { metadata: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }),
  };
}

function portOf(text: string | undefined): number {
  if (text === undefined)
    throw new UsageError('register needs --port, the port that callers connect to', 'register');
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`--port is a number from 1 to 65535, not ${text}`, 'register');
}
