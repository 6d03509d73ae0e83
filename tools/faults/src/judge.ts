import type { RegistryErrorCode } from '@rollcall/core';
import type { Reading, ReadList } from './protocol.ts';

/** What one reader is promised in a fault. */
export interface ReaderPromise {
  /** These stay in its list once it has had them, through everything. The list is never empty, and never none. */
  readonly keeps: readonly string[];
  /**
   * `cut`: it can't reach the registry, so its last good list stays as it was, says why, and grows old. `live`: the
   * fault is not its own, so its list stays confirmed. `either`: that depends on chance.
   */
  readonly during: 'cut' | 'live' | 'either';
  /** Why it is cut: one of these. */
  readonly because?: readonly RegistryErrorCode[];
  /** How long it may go on being confirmed in the fault, in milliseconds. Defaults to 0. */
  readonly cutWithinMs?: number;
  /** How long its reads may stand still, in milliseconds. Defaults to 2 500: after that it hung. */
  readonly stillMs?: number;
}

/** What one run of a scenario left behind. Times are of the machine's clock. */
export interface Evidence {
  readonly faultFrom: number | undefined;
  readonly mendFrom: number | undefined;
  readonly healedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly healedInMs: number | undefined;
  readonly healedIds: readonly string[];
  readonly boundMs: number;
  /** The longest age of a list while all is well. */
  readonly healthyAgeMs: number;
  /** How late a reader may be told of what happened, in milliseconds, where the registry tells from a cache. */
  readonly seenMs: number;
  /** Promises of this scenario that weren't kept. */
  readonly unmet: readonly string[];
  readonly secrets: readonly string[];
  readonly processes: readonly ProcessEvidence[];
}

export interface ProcessEvidence {
  readonly name: string;
  readonly promise: ReaderPromise | undefined;
  readonly readings: readonly Reading[];
  readonly troubles: readonly string[];
  readonly utterances: readonly string[];
}

/** A reader that says nothing for this long hung, in milliseconds. */
const SILENCE_MS = 2_500;
/** Between what two processes note at the same moment, in milliseconds. */
const BLUR_MS = 150;

/** Every promise that wasn't kept, in words. None: the scenario passed. */
export function judge(evidence: Evidence): readonly string[] {
  return [
    ...evidence.unmet,
    ...healedInTime(evidence),
    ...evidence.processes.flatMap((process) => {
      const failures = [
        ...(process.promise ? readerFailures(process, process.promise, evidence) : []),
        ...process.troubles,
        ...leakedSecrets(process, evidence.secrets),
      ];
      return failures.map((failure) => `${process.name}: ${failure}`);
    }),
  ];
}

function healedInTime({ healedInMs, boundMs }: Evidence): string[] {
  if (healedInMs === undefined) return ['it was not healed'];
  return healedInMs <= boundMs
    ? []
    : [`it was healed after ${Math.round(healedInMs)} ms, the bound is ${Math.round(boundMs)} ms`];
}

function readerFailures(process: ProcessEvidence, promise: ReaderPromise, evidence: Evidence): string[] {
  const { faultFrom, mendFrom, endedAt } = evidence;
  // Before that, processes were still starting: the registry may truly have had nobody.
  const known = process.readings.findIndex(({ list }) => list !== undefined && holds(list, promise.keeps));
  if (known === -1) return [`it never had a list with [${promise.keeps.join()}]`];
  const end = endedAt ?? Number.POSITIVE_INFINITY;
  const readings = process.readings.slice(known).filter(({ at }) => at <= end);
  const failures = [...keepsItsList(readings, promise), ...neverHangs(readings, promise)];
  if (faultFrom === undefined || mendFrom === undefined) return failures;
  if (promise.during === 'live') failures.push(...staysLive(readings, evidence));
  if (promise.during === 'cut') failures.push(...growsOld(readings, promise, faultFrom, mendFrom));
  failures.push(...isFreshAgain(readings, evidence));
  return failures;
}

function keepsItsList(readings: readonly Reading[], { keeps }: ReaderPromise): string[] {
  const without = readings.find(({ list }) => list === undefined);
  if (without) return [`it had a list and then none (${sight(without)})`];
  const empty = readings.find(({ list }) => list?.ids.length === 0);
  if (empty) return [`its list was empty (${sight(empty)})`];
  const short = readings.find(({ list }) => list && !holds(list, keeps));
  return short ? [`its list lacked one of [${keeps.join()}] (${sight(short)})`] : [];
}

function neverHangs(readings: readonly Reading[], { stillMs = SILENCE_MS }: ReaderPromise): string[] {
  const hung = readings.find(({ at }, i) => at - (readings[i - 1]?.at ?? at) > stillMs);
  return hung ? [`its reads stood still for more than ${stillMs} ms`] : [];
}

function staysLive(readings: readonly Reading[], { healthyAgeMs }: Evidence): string[] {
  const dead = readings.find(({ status, list }) => status !== 'live' || (list?.ageMs ?? 0) > healthyAgeMs);
  return dead ? [`it lost touch, though the fault was not its own (${sight(dead)})`] : [];
}

function holds({ ids }: ReadList, wanted: readonly string[]): boolean {
  return wanted.every((id) => ids.includes(id));
}

/** The last good list stays as it was, and nothing confirms it: its age tells how long. */
function growsOld(
  readings: readonly Reading[],
  { because = [], cutWithinMs = 0 }: ReaderPromise,
  faultFrom: number,
  mendFrom: number,
): string[] {
  const failures: string[] = [];
  const during = readings.filter(({ at }) => at > faultFrom && at < mendFrom);
  const last = during.at(-1);
  if (!last) return ['it made no reads during the fault'];
  const cutAt = faultFrom + cutWithinMs + BLUR_MS;
  const lying = during.find(({ at, list }) => at - (list?.ageMs ?? 0) > cutAt);
  if (lying) failures.push(`its list says that it was confirmed during the fault (${sight(lying)})`);
  const good = (readings.findLast(({ at }) => at <= faultFrom) ?? during[0])?.list?.ids.join();
  const other = during.find(({ list }) => list?.ids.join() !== good);
  if (other) failures.push(`its last good list was [${good}] and didn’t stay (${sight(other)})`);
  const isSaid = last.status === 'stale' && last.error !== undefined && because.includes(last.error);
  if (!isSaid)
    failures.push(`it didn't say that its list is stale because of ${because.join(' or ')} (${sight(last)})`);
  return failures;
}

function isFreshAgain(readings: readonly Reading[], evidence: Evidence): string[] {
  const { healedAt, healedIds, healthyAgeMs, seenMs } = evidence;
  if (healedAt === undefined) return [];
  const stray = readings
    .filter(({ at }) => at > healedAt + BLUR_MS + seenMs)
    .find(
      ({ status, list }) =>
        status !== 'live' ||
        list === undefined ||
        list.ageMs > healthyAgeMs ||
        list.ids.toSorted().join() !== healedIds.toSorted().join(),
    );
  return stray ? [`after it was healed it did not stay so (${sight(stray)})`] : [];
}

function leakedSecrets({ utterances }: ProcessEvidence, secrets: readonly string[]): string[] {
  const said = utterances.join('\n');
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
  ]);
  return forms.some((form) => said.includes(form))
    ? ['it told a password in an event, a log or an error']
    : [];
}

function sight({ status, error, list }: Reading): string {
  const ids = list ? `[${list.ids.join()}] from ${list.source}, ${Math.round(list.ageMs)} ms old` : 'no list';
  return `${status}${error === undefined ? '' : ` ${error}`}, ${ids}`;
}
