import type { Program } from './program.ts';
import type { Stage } from './stage.ts';
import type { Tell } from './story-event.ts';

/** Starting five programs from source takes this long on a slow machine, in milliseconds, at most. */
const START_MS = 60_000;

/** How much later than the TTL a registry may notice a death, in milliseconds, before the story is given up. */
const SLACK_MS = 10_000;

const LEAVE_MS = 15_000;

/** Long enough to see where the calls go. */
const WATCH_MS = 3_000;

/**
 * What happens: three instances and a caller; one instance killed; another started; one shut down; all leave.
 *
 * @throws {Error} which says what didn't happen.
 */
export async function playStory(stage: Stage, ttlMs: number, tell: Tell): Promise<void> {
  const began = performance.now();
  const [first, second] = await join(
    stage,
    tell,
    ['user-service-1', 'user-service-2', 'user-service-3'],
    () => stage.startCaller(),
  );
  if (!first || !second) throw new Error('there are no instances');
  await stage.letFlow(WATCH_MS);
  await killOne(stage, tell, second, ttlMs);
  await stage.letFlow(WATCH_MS);
  await join(stage, tell, ['user-service-4']);
  await stage.letFlow(WATCH_MS);
  await shutDownOne(stage, tell, first);
  await stage.letFlow(WATCH_MS);
  tell({ event: 'closing' });
  await stage.leave();
  tell({ event: 'finished', tookMs: performance.now() - began, ...stage.counts });
}

async function join(
  stage: Stage,
  tell: Tell,
  ids: readonly string[],
  also: () => unknown = () => undefined,
): Promise<Program[]> {
  const began = performance.now();
  tell({ event: 'starting', ids });
  const programs = ids.map((id) => stage.startInstance(id));
  also();
  await stage.until(`${ids.join(', ')} listed and called`, START_MS, () =>
    ids.every((id) => stage.listed.get(id)?.status === 'UP' && (stage.counts.byInstance[id] ?? 0) > 0),
  );
  tell({ event: 'joined', ids, tookMs: performance.now() - began });
  return programs;
}

async function killOne(stage: Stage, tell: Tell, program: Program, ttlMs: number): Promise<void> {
  const { id, pid } = program;
  const { retried, failed } = stage.counts;
  program.mayEnd = true;
  program.kill('SIGKILL');
  const began = performance.now();
  tell({ event: 'killed', id, pid });
  await stage.until(
    `${id} leaves the list (TTL ${ttlMs / 1_000} s)`,
    ttlMs + SLACK_MS,
    () => !stage.listed.has(id),
  );
  const tookMs = performance.now() - began;
  await nextReport(stage);
  tell({
    event: 'expired',
    id,
    tookMs,
    ttlMs,
    retried: stage.counts.retried - retried,
    failed: stage.counts.failed - failed,
  });
}

async function shutDownOne(stage: Stage, tell: Tell, program: Program): Promise<void> {
  const { id, pid } = program;
  await nextReport(stage);
  const before = stage.counts;
  program.mayEnd = true;
  program.kill('SIGTERM');
  const began = performance.now();
  tell({ event: 'asked-to-leave', id, pid });
  await stage.until(`${id} leaves the list`, LEAVE_MS, () => !stage.listed.has(id));
  const unlistedMs = performance.now() - began;
  await stage.ended(program, LEAVE_MS);
  const endedMs = performance.now() - began;
  await nextReport(stage);
  const calls = stage.counts.calls - before.calls;
  const retried = stage.counts.retried - before.retried;
  const failed = stage.counts.failed - before.failed;
  tell({ event: 'left', id, unlistedMs, endedMs, calls, retried, failed });
  if (failed > 0) throw new Error(`${failed} calls failed while ${id} was shut down: there should be none`);
}

/** The caller reports every so often; what is under way shows in a later report. */
async function nextReport(stage: Stage): Promise<void> {
  const { counts } = stage;
  await stage.until('a report of the caller', LEAVE_MS, () => stage.counts.calls > counts.calls);
}
