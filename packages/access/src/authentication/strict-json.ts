/** The deepest nesting that is read. Claims of real tokens are two or three deep. */
const MAX_DEPTH = 16;

/**
 * Reads JSON whose meaning is beyond doubt: RFC 8259 leaves it open which of two equal keys counts, and two readers of one
 * token must not differ in that.
 *
 * @throws {SyntaxError} for what is no JSON, has a key twice in one object, or is nested too deeply. The message quotes nothing.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError('is not JSON');
  }
  checkKeys(text);
  return value;
}

/** @param text JSON without syntax errors. */
function checkKeys(text: string): void {
  /** One for each object or array that is open: the keys so far; `undefined` for an array. */
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') {
      if (open.push(character === '{' ? new Set() : undefined) > MAX_DEPTH)
        throw new SyntaxError(`is nested more than ${MAX_DEPTH} deep`);
      isKey = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
      isKey = false;
    } else if (character === ',') {
      isKey = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (isKey && keys) {
        // Two spellings of one key, such as `alg` and `\u0061lg`, are one key.
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        if (keys.has(key)) throw new SyntaxError('has a key twice');
        keys.add(key);
      }
      isKey = false;
      at = end;
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
