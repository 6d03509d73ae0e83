import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem, type as systemType } from 'node:os';

/** The machine that this process runs on, in one line: its processor, cores and memory, the system, and Node. */
export async function machineLine(): Promise<string> {
  const processor = cpus()[0]?.model.trim() || 'unknown processor';
  const memoryGb = Math.round(totalmem() / 1e9);
  const system = `${await distribution()}${systemType()} ${release()}`;
  return `${processor}, ${availableParallelism()} cores, ${memoryGb} GB, ${system}, Node ${process.version}`;
}

async function distribution(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = /^PRETTY_NAME="?([^"\n]*)/mu.exec(text)?.[1];
  return name ? `${name}, ` : '';
}
