import { access } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lilconfig } from 'lilconfig';
import { isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { importModule } from './import-module.ts';
import { jsonSyntaxProblem } from './json-syntax.ts';
import { invalidConfig } from './problems.ts';
import { hideUrlCredentials } from './secrets.ts';
import { isPlainObject, type Path } from './tree.ts';

/** A configuration file, read but not checked. */
export interface ConfigFile {
  readonly path: string;
  readonly value: Record<string, unknown>;
  /** The file, with line and column of a key where they are known. */
  locate(path: Path): string;
}

const EXTENSIONS = ['.yaml', '.yml', '.json', '.ts', '.mts', '.js', '.mjs'] as const;

const NAMES: string[] = EXTENSIONS.map((extension) => `rollcall.config${extension}`);

/**
 * Finds `rollcall.config.*` in a folder or the nearest one above it.
 *
 * @throws {RegistryError} `INVALID_CONFIG` when the folder has several, which would leave it open which one counts.
 */
export async function findConfigFile(folder: string): Promise<string | undefined> {
  const search = lilconfig('rollcall', {
    searchPlaces: NAMES,
    loaders: Object.fromEntries(EXTENSIONS.map((extension) => [extension, asText])),
    ignoreEmptySearchPlaces: false,
    cache: false,
  });
  const found = await search.search(folder);
  if (found === null) return undefined;
  const names = await existing(dirname(found.filepath), NAMES);
  if (names.length > 1) {
    const what = `there are ${names.join(' and ')} in ${dirname(found.filepath)}: keep one of them`;
    throw invalidConfig([{ path: [], what }]);
  }
  return found.filepath;
}

/**
 * Reads a configuration file.
 *
 * @throws {RegistryError} `INVALID_CONFIG` when it isn't there, isn't well formed, or holds no object.
 */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  const path = resolve(file);
  const extension = extname(path);
  if (!EXTENSIONS.some((known) => known === extension)) {
    throw refuse(path, `is not of a known kind: use one of ${EXTENSIONS.join(', ')}`);
  }
  try {
    await access(path);
  } catch (cause) {
    throw refuse(path, "can't be read: is the path right, and may this process read it?", cause);
  }
  return /^\.(?:ya?ml|json)$/.test(extension) ? readDataFile(path, extension === '.json') : readModule(path);
}

/** lilconfig finds and reads; what a text means is for {@link readConfigFile}. */
function asText(_path: string, text: string): string {
  return text;
}

async function readModule(path: string): Promise<ConfigFile> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await importModule(pathToFileURL(path).href);
  } catch (cause) {
    throw refuse(
      path,
      `can't be loaded: ${hideUrlCredentials(cause instanceof Error ? cause.message : String(cause))}`,
      cause,
    );
  }
  const value = module['default'];
  if (value === undefined)
    throw refuse(path, 'has no default export: write `export default defineConfig({ … })`');
  return { path, value: asObject(path, value), locate: () => path };
}

async function readDataFile(path: string, isJson: boolean): Promise<ConfigFile> {
  // lilconfig reads the file; it keeps to the encoding and gives no value for an empty one.
  const loaded = await lilconfig('rollcall', {
    loaders: { [extname(path)]: asText },
    cache: false,
  }).load(path);
  return parseData(path, String(loaded?.config ?? ''), isJson);
}

/**
 * Reads the text of a YAML or JSON file.
 *
 * @param path where the text is from, for messages.
 * @throws {RegistryError} `INVALID_CONFIG` when it isn't well formed, or holds no object.
 */
export function parseData(path: string, withMark: string, isJson: boolean): ConfigFile {
  const text = withMark.replace(/^\uFEFF/, '');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (isJson && text.trim() !== '') {
    const problem = jsonSyntaxProblem(text);
    if (problem) throw refuse(at(problem.offset), `is not JSON: ${problem.what}`);
  }
  const faults = [...document.errors, ...document.warnings]
    // Any JSON is YAML but for tabs; a key that stands there twice is a slip in both.
    .filter(({ code }) => !isJson || code === 'DUPLICATE_KEY')
    .map((fault) => ({ path: [], source: at(fault.pos[0]), what: syntaxWords(fault.code, fault.message) }));
  if (faults.length > 0) throw invalidConfig(faults);
  let value: unknown;
  try {
    value = isJson && text.trim() !== '' ? JSON.parse(text) : document.toJS({ maxAliasCount: 100 });
  } catch {
    // The message would quote the alias, and a password may begin with an asterisk.
    throw refuse(
      path,
      'has an alias (*name) without its anchor, or too many of them: put texts that begin with * in quotes',
    );
  }
  if (holdsItself(value, new Set()))
    throw refuse(
      path,
      'has an alias (*name) within its own anchor (&name), and so holds itself: write it out',
    );
  return {
    path,
    value: asObject(path, value ?? {}),
    locate: (key) => at(keyOffset(document.contents, key)),
  };
}

function holdsItself(value: unknown, above: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (above.has(value)) return true;
  above.add(value);
  const isSo = Object.values(value).some((item) => holdsItself(item, above));
  above.delete(value);
  return isSo;
}

function asObject(path: string, value: unknown): Record<string, unknown> {
  if (!isPlainObject(value)) throw refuse(path, 'must hold an object, with keys such as `registry`');
  const { $schema: _forEditors, ...config } = value;
  return config;
}

/** A parser's message, without what it quotes from the file: that may be a password. */
function syntaxWords(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the key stands there twice: remove one';
  if (code === 'TAG_RESOLVE_FAILED')
    return 'a tag (!name) that is not known: put texts that begin with ! in quotes';
  if (code === 'BAD_DQ_ESCAPE')
    return 'an escape (\\x) that YAML does not know: write \\\\ or use single quotes';
  const words = message.replace(/[:(].*$/s, '').trim();
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

/** Where a key, or as much of its path as there is, stands in the text. */
function keyOffset(root: ParsedNode | null, path: Path): number {
  let offset = root?.range[0] ?? 0;
  let node: unknown = root;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair || !isScalar(pair.key)) return offset;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      if (!hasRange(node)) return offset;
      offset = node.range[0];
    } else {
      return offset;
    }
  }
  return offset;
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}

async function existing(folder: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        await access(join(folder, name));
        return [basename(name)];
      } catch {
        return [];
      }
    }),
  );
  return found.flat();
}

function refuse(source: string, what: string, cause?: unknown) {
  return invalidConfig([{ path: [], what: `${source} ${what}` }], { cause });
}
