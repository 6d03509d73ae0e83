/**
 * Calls `user-service` at a steady pace, turn and turn about among the instances that are up, and says on its
 * standard output, in lines of JSON, who is listed and how the calls went.
 */
import { createRegistry, type ServiceInstance } from '@rollcall/core';

import type { CallerMessage } from './story-event.ts';

const PER_SECOND = Number(process.env['CALLS_PER_SECOND'] ?? 25);
const CALL_TIMEOUT_MS = 2_000;
const REPORT_EVERY_MS = 200;

const registry = await createRegistry();
registry.shutdownOnSignals();
const users = registry.service('user-service');

let turn = 0;
let calls = 0;
let retried = 0;
let failed = 0;
const byInstance: Record<string, number> = {};
const underWay = new Set<Promise<void>>();

users.subscribe(({ instances }) => {
  say({
    type: 'list',
    instances: instances.map(({ id, status, metadata }) => ({ id, status, pid: Number(metadata?.['pid']) })),
  });
});

const pace = setInterval(() => {
  // Nobody to call yet: the first instance has not come up.
  if (calls === 0 && candidates(turn).length === 0) return;
  const work = call().finally(() => underWay.delete(work));
  underWay.add(work);
}, 1_000 / PER_SECOND);
const reports = setInterval(report, REPORT_EVERY_MS);

registry.onShutdown({
  stopAccepting: () => clearInterval(pace),
  finishWork: async () => {
    await Promise.all(underWay);
    clearInterval(reports);
    report();
  },
});

/** One call: a first attempt, and one more at the next instance when nobody answers. */
async function call(): Promise<void> {
  calls++;
  const [first, next] = candidates(turn++);
  if (first && (await answers(first))) return;
  if (next) retried++;
  if (!next || !(await answers(next))) failed++;
}

/** The instances that are up, beginning with the one whose turn it is. */
function candidates(from: number): readonly ServiceInstance[] {
  const up = (users.snapshot?.instances ?? []).filter(({ status }) => status === 'UP');
  const start = from % up.length;
  return [...up.slice(start), ...up.slice(0, start)];
}

async function answers(instance: ServiceInstance): Promise<boolean> {
  try {
    const url = `${instance.scheme}://${instance.host}:${instance.port}/`;
    const response = await fetch(url, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    const name = await response.text();
    if (!response.ok) return false;
    byInstance[name] = (byInstance[name] ?? 0) + 1;
    return true;
  } catch {
    return false;
  }
}

function report(): void {
  say({ type: 'calls', calls, retried, failed, byInstance });
}

function say(message: CallerMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
