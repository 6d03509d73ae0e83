import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** The programs of one kind of server, by name, as absolute paths. */
export interface Programs {
  /** Where they came from, for people: `PATH (/usr/bin)`. */
  readonly source: string;
  /** Throws when this place lacks the program. */
  path(name: string): string;
}

/** The full path of a program in the folders of `PATH`, or undefined. */
export function onPath(name: string, path: string = process.env['PATH'] ?? ''): string | undefined {
  for (const folder of path.split(delimiter)) {
    const found = folder === '' ? undefined : inFolder(name, folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The full path of a program in a folder, or undefined. */
export function inFolder(name: string, folder: string): string | undefined {
  const file = join(folder, name + SUFFIX);
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

/** All programs on PATH, or undefined when one is missing. */
export function programsOnPath(names: readonly string[]): Programs | undefined {
  const found = new Map(names.map((name) => [name, onPath(name)]));
  const first = found.get(names[0] ?? '');
  if (first === undefined || [...found.values()].includes(undefined)) return undefined;
  return programs(`PATH (${dirname(first)})`, (name) => found.get(name));
}

/** The first program is `file`; the others stand beside it or on PATH. */
export function programsBeside(file: string, first: string, source: string): Programs {
  return programs(source, (name) =>
    name === first ? file : (inFolder(name, dirname(file)) ?? onPath(name)),
  );
}

/** All programs in one folder, or undefined when one is missing. */
export function programsIn(folder: string, names: readonly string[], source: string): Programs | undefined {
  return names.every((name) => inFolder(name, folder) !== undefined)
    ? programs(source, (name) => inFolder(name, folder))
    : undefined;
}

function programs(source: string, find: (name: string) => string | undefined): Programs {
  return {
    source,
    path(name) {
      const file = find(name);
      if (file === undefined) {
        throw new Error(`${name} is missing: it is neither beside the server from ${source} nor on PATH`);
      }
      return file;
    },
  };
}
