/** What `{namespace}` and `{service}` in a pattern stand for. */
export interface Home {
  readonly namespace?: string | undefined;
  readonly service?: string | undefined;
}

/** Tells whether a name is meant. */
export type NameTest = (name: string) => boolean;

const PARTS = /\*|\{namespace\}|\{service\}/g;

/** Whether a pattern depends on who asks. */
export function hasPlaceholder(pattern: string): boolean {
  return /\{(?:namespace|service)\}/.test(pattern);
}

/**
 * The texts of a pattern between its `*`: one for a pattern without any. `undefined` when it needs a home that isn't there, and so
 * means no name.
 */
export function piecesOf(pattern: string, home: Home = {}): readonly string[] | undefined {
  const pieces: string[] = [''];
  let from = 0;
  for (const { 0: part, index } of pattern.matchAll(PARTS)) {
    pieces.push(`${pieces.pop() ?? ''}${pattern.slice(from, index)}`);
    from = index + part.length;
    if (part === '*') pieces.push('');
    else {
      const own = part === '{namespace}' ? home.namespace : home.service;
      if (own === undefined) return undefined;
      pieces.push(`${pieces.pop() ?? ''}${own}`);
    }
  }
  pieces.push(`${pieces.pop() ?? ''}${pattern.slice(from)}`);
  return pieces;
}

/**
 * Compiles a pattern: `*` stands for any text, also none; `{namespace}` and `{service}` for the home of who asks, letter by
 * letter, whatever letters they are. Everything else stands for itself. A test takes time in proportion to the name: there is
 * nothing to backtrack.
 *
 * @returns `undefined` when the pattern needs a home that isn't there, and so means no name.
 */
export function compilePattern(pattern: string, home: Home = {}): NameTest | undefined {
  const pieces = piecesOf(pattern, home);
  if (!pieces) return undefined;
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return (name) => name === first;
  if (first === '' && last === '' && rest.every((piece) => piece === '')) return () => true;
  return (name) => name.startsWith(first) && name.endsWith(last) && hasInOrder(name, rest, first, last);
}

/** Each piece at the first place that there is for it: if any way fits, this one does. */
function hasInOrder(name: string, pieces: readonly string[], first: string, last: string): boolean {
  const end = name.length - last.length;
  let at = first.length;
  for (const piece of pieces) {
    const found = name.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return at <= end;
}

/** Compiles a list of patterns, any of which may fit. `undefined` when none of them can. */
export function compilePatterns(patterns: readonly string[], home: Home = {}): NameTest | undefined {
  const tests = patterns.map((pattern) => compilePattern(pattern, home)).filter((test) => test !== undefined);
  const [only, ...others] = tests;
  if (only === undefined || others.length === 0) return only;
  if (patterns.every((pattern) => !pattern.includes('*') && !hasPlaceholder(pattern))) {
    const names = new Set(patterns);
    return (name) => names.has(name);
  }
  return (name) => tests.some((test) => test(name));
}
