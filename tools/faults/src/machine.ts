import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem, type as systemType } from 'node:os';

/** Where and when a run was made, in one line. */
export async function describeMachine(): Promise<string> {
  const memoryGb = Math.round(totalmem() / 1e9);
  const cpu = cpus()[0]?.model.trim() || 'unknown processor';
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${cpu}, ${availableParallelism()} cores, ${memoryGb} GB, ${await system()}, Node ${process.version}`;
}

async function system(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = /^PRETTY_NAME="?([^"\n]*)/mu.exec(text)?.[1];
  return name ?? `${systemType()} ${release()}`;
}
