import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem, type as systemType } from 'node:os';

/** Where figures were taken. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly date: string;
}

export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${await distribution()}${systemType()} ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

async function distribution(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = /^PRETTY_NAME="?([^"\n]*)/mu.exec(text)?.[1];
  return name ? `${name}, ` : '';
}
