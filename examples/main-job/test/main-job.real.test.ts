import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { availability } from '@rollcall-tools/registries';
import { afterEach, describe, expect, it } from 'vitest';

import type { StoryEvent } from '../src/story-event.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const TTL_MS = 3_000;
/** A registry may notice a death a little later than the TTL; so may a busy machine. */
const SLACK_MS = 3_000;

const runs = new Set<ReturnType<typeof start>>();

/** A run that a test has left hanging is ended, and what it has left behind is taken away. */
afterEach(async () => {
  for (const run of runs) {
    run.child.kill('SIGKILL');
    await run.ended;
    for (const pid of pidsIn(run.events()).filter(isAlive)) process.kill(pid, 'SIGKILL');
    for (const { folder } of all(run.events(), 'began')) await rm(folder, { recursive: true, force: true });
  }
  runs.clear();
});

const SERVERS = ['etcd', 'zookeeper', 'consul', 'nacos', 'eureka', 'gateway'] as const;

describe.each([
  { registry: 'file', here: { available: true } as const },
  ...SERVERS.map((registry) => ({ registry, here: availability(registry, { own: true }) })),
])('the main job on $registry', ({ registry, here }) => {
  it('goes as told', async ({ skip }) => {
    if (!here.available) skip(here.reason);
    const run = start(['--registry', registry, '--ttl', String(TTL_MS / 1_000), '--json']);
    const code = await run.ended;
    const events = run.events();
    const troubles = all(events, 'log').filter(({ line }) => /^rollcall (?:warn|error) /.test(line));
    expect({ code, aborted: all(events, 'aborted'), troubles }).toEqual({
      code: 0,
      aborted: [],
      troubles: [],
    });

    const [first, second, third, fourth] = [1, 2, 3, 4].map((n) => `user-service-${n}`);
    const joined = all(events, 'joined');
    expect(joined.map(({ ids }) => ids)).toEqual([[first, second, third], [fourth]]);

    const killed = only(events, 'killed');
    const expired = only(events, 'expired');
    expect([killed.id, expired.id]).toEqual([second, second]);
    expect(expired.tookMs).toBeLessThan(TTL_MS + SLACK_MS);
    expect(idsAt(events, killed.atMs)).toEqual([first, second, third]);
    expect(idsAt(events, expired.atMs)).toEqual([first, third]);

    const left = only(events, 'left');
    expect(left).toMatchObject({ id: first, retried: 0, failed: 0 });
    expect(left.calls).toBeGreaterThan(0);
    expect(idsAt(events, left.atMs)).toEqual([third, fourth]);
    const ends = all(events, 'process-ended');
    expect(ends.find(({ id }) => id === second)).toMatchObject({ pid: killed.pid, signal: 'SIGKILL' });
    expect(ends.filter(({ id }) => id !== second).map(({ code: exitCode }) => exitCode)).toEqual([
      0, 0, 0, 0,
    ]);

    const { calls, retried, failed, byInstance } = only(events, 'finished');
    expect(failed).toBe(0);
    expect(calls).toBeGreaterThan(100);
    expect(retried).toBeGreaterThanOrEqual(expired.retried);
    expect(sum(Object.values(byInstance))).toBe(calls);
    expect(Object.keys(byInstance).toSorted()).toEqual([first, second, third, fourth]);

    expect(pidsIn(events).filter(isAlive)).toEqual([]);
    expect(existsSync(only(events, 'began').folder)).toBe(false);
  }, 180_000);
});

describe('the command line of the main job', () => {
  it('says with --help what there is', async () => {
    const run = start(['--help']);
    expect(await run.ended).toBe(0);
    for (const option of ['--registry', '--ttl', '--calls-per-second', '--plain', '--json']) {
      expect(run.output()).toContain(option);
    }
  });

  it.each([
    { args: ['--registy', 'etcd'], says: 'there is no option --registy; there are --registry, ' },
    { args: ['--registry', 'nonesuch'], says: '--registry takes file or etcd or zookeeper' },
    { args: ['--registry', 'memory'], says: 'memory lives in one process' },
    { args: ['--ttl', '0'], says: '--ttl takes a number from 1 to 60, not 0' },
    {
      args: ['--calls-per-second', 'many'],
      says: '--calls-per-second takes a number from 1 to 200, not many',
    },
    { args: ['--plain', '--json'], says: 'exclude each other' },
    { args: ['etcd'], says: '"etcd" belongs to no option' },
  ])('refuses $args with what to do instead', async ({ args, says }) => {
    const run = start(args);
    expect(await run.ended).toBe(2);
    expect(run.errors()).toContain(says);
    expect(run.errors()).toContain('--help');
    expect(run.output()).toBe('');
  });
});

describe('the main job, interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'leaves no process and no folder behind after %s',
    async (signal) => {
      const run = start(['--json']);
      await expect.poll(() => all(run.events(), 'joined'), { timeout: 60_000 }).toHaveLength(1);
      const pids = pidsIn(run.events());
      expect(pids).toHaveLength(4);
      expect(pids.filter(isAlive)).toEqual(pids);
      run.child.kill(signal);
      expect(await run.ended).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(pids.filter(isAlive)).toEqual([]);
      expect(only(run.events(), 'aborted').reason).toContain(signal);
      expect(existsSync(only(run.events(), 'began').folder)).toBe(false);
    },
    90_000,
  );

  it('leaves no process behind when it is killed', async () => {
    const run = start(['--json']);
    await expect.poll(() => all(run.events(), 'joined'), { timeout: 60_000 }).toHaveLength(1);
    const pids = pidsIn(run.events());
    run.child.kill('SIGKILL');
    await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([]);
  }, 90_000);
});

describe('the output of the main job', () => {
  it('is lines without escape codes where there is no terminal', async () => {
    const run = start([]);
    await expect.poll(run.output, { timeout: 60_000 }).toContain('all 3 are listed and called');
    run.child.kill('SIGINT');
    await run.ended;
    expect(run.output()).toMatch(/^00:00 {2}registry: file, TTL 3 s, 25 calls a second\n/);
    expect(run.output()).not.toContain('\x1b');
  }, 90_000);
});

type Timed = StoryEvent & { readonly atMs: number };

function start(args: readonly string[]) {
  const child = spawn(process.execPath, ['--conditions=@rollcall/source', '--import', 'tsx', MAIN, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const ended = once(child, 'close').then(([code]: unknown[]) => code);
  const events = (): Timed[] => {
    const whole = out.slice(0, out.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Timed => JSON.parse(line));
  };
  const run = { child, ended, events, output: (): string => out, errors: (): string => err };
  runs.add(run);
  return run;
}

function all<Name extends StoryEvent['event']>(events: readonly Timed[], name: Name) {
  return events.filter((event): event is Timed & { readonly event: Name } => event.event === name);
}

function only<Name extends StoryEvent['event']>(events: readonly Timed[], name: Name) {
  const [event, ...more] = all(events, name);
  if (!event || more.length > 0)
    throw new Error(`there are ${event ? more.length + 1 : 0} events ${name}, not one`);
  return event;
}

/** Who was listed at that time. */
function idsAt(events: readonly Timed[], atMs: number): string[] | undefined {
  const list = all(events, 'list').findLast((event) => event.atMs <= atMs);
  return list?.instances.map(({ id }) => id).toSorted();
}

function pidsIn(events: readonly Timed[]): number[] {
  return all(events, 'process-started').map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
