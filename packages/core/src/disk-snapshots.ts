import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeInstance, restoreInstance } from './codec.ts';
import { RegistryError } from './errors.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';
import { encodeSegment } from './names.ts';

/** A list as it was saved. */
export interface SavedList {
  readonly instances: readonly ServiceInstance[];
  /** When the registry last confirmed it, in milliseconds since the Unix epoch. */
  readonly savedAt: number;
}

/**
 * The last good list of each service, on disk, so that a process can start while its registry is down.
 *
 * `{dir}/{type}/{namespace}/{service}.jsonl`: a line with the version, the time, the count and the SHA-256 of the rest, then
 * one line per instance, `["id",{…}]`. A file is replaced as a whole, and one that was torn or altered isn't believed.
 */
export class DiskSnapshots {
  readonly #dir: string;

  /** @param dir the folder; @param type the adapter's type, so that two registries don't mix. */
  constructor(dir: string, type: string) {
    this.#dir = join(dir, encodeSegment(type));
  }

  /**
   * @returns the saved list, or `undefined` when none was saved, or an empty one: that says nothing worth knowing.
   * @throws {RegistryError} `PROTOCOL` when the file can't be believed.
   */
  async load(key: ServiceKey): Promise<SavedList | undefined> {
    const path = this.#path(key);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new RegistryError('UNAVAILABLE', `read the saved list ${path}: ${String(error)}`, {
        cause: error,
      });
    }
    try {
      const saved = parse(text, key);
      return saved.instances.length > 0 ? saved : undefined;
    } catch (error) {
      const message = `the saved list ${path} is damaged and isn't used; delete it`;
      throw new RegistryError('PROTOCOL', message, { cause: error });
    }
  }

  /** Replaces the saved list. */
  async save(key: ServiceKey, { instances, savedAt }: SavedList): Promise<void> {
    const path = this.#path(key);
    const temporary = `${path}.${randomUUID()}.tmp`;
    const body = instances
      .map((instance) => `[${JSON.stringify(instance.id)},${encodeInstance(instance)}]\n`)
      .join('');
    const header = JSON.stringify({ rollcall: 1, savedAt, count: instances.length, sha256: sha256(body) });
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(temporary, `${header}\n${body}`, { mode: 0o600 });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw new RegistryError('UNAVAILABLE', `save the list to ${path}: ${String(error)}`, { cause: error });
    }
  }

  #path({ namespace, service }: ServiceKey): string {
    return join(this.#dir, encodeSegment(namespace), `${encodeSegment(service)}.jsonl`);
  }
}

function parse(text: string, key: ServiceKey): SavedList {
  const end = text.indexOf('\n');
  const header = JSON.parse(text.slice(0, end)) as {
    rollcall?: unknown;
    savedAt?: unknown;
    sha256?: unknown;
  };
  const body = text.slice(end + 1);
  if (header.rollcall !== 1) throw new Error('unknown version');
  if (typeof header.savedAt !== 'number') throw new Error('no time');
  if (header.sha256 !== sha256(body)) throw new Error('the checksum differs');
  const lines = body.split('\n');
  lines.pop();
  const instances = lines.map((line) => {
    const [id, fields] = JSON.parse(line) as [string, Partial<ServiceInstance>];
    return restoreInstance(fields, { ...key, id });
  });
  return { instances, savedAt: header.savedAt };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
