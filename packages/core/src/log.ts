import type { InstanceOverride } from './adapter.ts';
import type { RegistryEvent } from './events.ts';
import { instanceName, serviceName } from './guarded-adapter.ts';
import type { RegistrationState } from './registration.ts';

/** How loud a line is, from the quietest setting to the most talkative. */
const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where log lines go. Pino's, Winston's and the console's shape. */
export interface Logger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

export interface LogLine {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly message: string;
}

/** Writes to standard error, one line each: `rollcall warn user-service: …`. */
export const stderrLogger: Logger = {
  error: (message) => write('error', message),
  warn: (message) => write('warn', message),
  info: (message) => write('info', message),
  debug: (message) => write('debug', message),
};

function write(level: string, message: string): void {
  process.stderr.write(`rollcall ${level} ${message}\n`);
}

/** A listener that logs events as loud as `level` or louder. */
export function logEvents(logger: Logger, level: LogLevel): (event: RegistryEvent) => void {
  const loudest = LOG_LEVELS.indexOf(level);
  return (event) => {
    const line = describeEvent(event);
    if (LOG_LEVELS.indexOf(line.level) <= loudest) logger[line.level](line.message);
  };
}

/** States that everybody wants to read about. */
const TOLD: ReadonlySet<RegistrationState> = new Set(['registered', 'deregistered', 'released']);

function overrideWords({ status, weight }: InstanceOverride): string {
  const words = [
    ...(status === undefined ? [] : [status]),
    ...(weight === undefined ? [] : [`of weight ${weight}`]),
  ];
  return words.length === 0
    ? 'no longer overridden by an operator'
    : `${words.join(' and ')}, as an operator said`;
}

/** What an event is in the log. */
export function describeEvent(event: RegistryEvent): LogLine {
  switch (event.type) {
    case 'registration': {
      const because = event.error ? `: ${event.error.message}` : '';
      const level = event.to === 'lost' ? 'warn' : TOLD.has(event.to) ? 'info' : 'debug';
      return {
        level,
        message: `${instanceName(event.instance)} is ${event.to}, was ${event.from}${because}`,
      };
    }
    case 'override':
      return {
        level: 'info',
        message: `${instanceName(event.instance)} is ${overrideWords(event.override)}`,
      };
    case 'registration-retry': {
      const next = Number.isFinite(event.retryInMs)
        ? `next try in ${Math.round(event.retryInMs)} ms`
        : 'not tried again as it is';
      return { level: 'warn', message: `${instanceName(event.instance)}: ${event.error.message}; ${next}` };
    }
    case 'beat-failed':
      return {
        level: 'warn',
        message: `a beat for ${count(event.registrations, 'registration')} failed: ${event.error.message}`,
      };
    case 'list-live':
      return {
        level: 'info',
        message: `${serviceName(event.service)}: following the registry, ${count(event.instances, 'instance')}`,
      };
    case 'list-stale':
      return {
        level: 'warn',
        message: `${serviceName(event.service)}: the last good list stays; ${event.error.message}`,
      };
    case 'list-expired':
      return {
        level: 'error',
        message: `${serviceName(event.service)}: the list is stale for ${event.staleMs} ms and no longer used`,
      };
    case 'resync':
      return {
        level: 'warn',
        message: `${serviceName(event.service)}: reads the list anew: ${event.reason}`,
      };
    case 'list-held': {
      const held = count(event.held, 'instance');
      return {
        level: 'warn',
        message: `${serviceName(event.service)}: the registry dropped ${held} at once; kept for ${event.holdMs} ms, then looked at again`,
      };
    }
    case 'list-released': {
      const verdict = event.believed ? 'confirmed gone' : 'some are listed after all';
      return {
        level: 'warn',
        message: `${serviceName(event.service)}: ${count(event.held, 'kept instance')}: ${verdict}`,
      };
    }
    case 'entry-skipped':
      return {
        level: 'warn',
        message: `${serviceName(event.service)}: skipped ${event.entry.key}: ${event.entry.reason}`,
      };
    case 'disk':
      return event.error
        ? { level: 'warn', message: `${serviceName(event.service)}: ${event.error.message}` }
        : {
            level: 'warn',
            message: `${serviceName(event.service)}: ${count(event.instances ?? 0, 'instance')} from disk; the registry has not answered`,
          };
    case 'advertise':
      return { level: 'info', message: `advertises ${event.host}: ${event.reason}` };
    case 'shutdown': {
      const took = `shutdown: ${event.step}, ${Math.round(event.tookMs)} ms`;
      return event.error
        ? { level: 'warn', message: `${took}: ${event.error.message}` }
        : { level: 'info', message: took };
    }
    case 'subscriber-failed':
      return {
        level: 'error',
        message: `${serviceName(event.service)}: a subscriber threw: ${String(event.error)}`,
      };
    case 'warning':
      return { level: 'warn', message: event.message };
    default:
      return event satisfies never;
  }
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
