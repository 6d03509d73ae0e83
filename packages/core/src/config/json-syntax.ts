/** Where a text stops being JSON. */
export interface JsonSyntaxProblem {
  readonly offset: number;
  readonly what: string;
}

/**
 * Finds the place at which a text stops being JSON (RFC 8259); `undefined` for JSON. Node's own message names no
 * position in some cases, and quotes the text around it, which may be a password.
 */
export function jsonSyntaxProblem(text: string): JsonSyntaxProblem | undefined {
  let offset = 0;
  let what = '';
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const found = pattern.exec(text);
    if (found) offset += found[0].length;
    return found !== null;
  };
  const expect = (character: string): boolean => {
    skip(SPACE);
    if (text[offset] === character) offset++;
    else what = `expected ${character}`;
    return what === '';
  };
  const list = (close: string, item: () => boolean): boolean => {
    offset++;
    skip(SPACE);
    if (text[offset] === close) {
      offset++;
      return true;
    }
    for (;;) {
      if (!item()) return false;
      skip(SPACE);
      if (text[offset] === close) {
        offset++;
        return true;
      }
      if (text[offset] !== ',') {
        what = `expected , or ${close}`;
        return false;
      }
      offset++;
    }
  };
  const key = (): boolean => {
    skip(SPACE);
    if (!skip(STRING)) what = 'expected a key in double quotes';
    return what === '';
  };
  const value = (): boolean => {
    skip(SPACE);
    if (text[offset] === '{') return list('}', () => key() && expect(':') && value());
    if (text[offset] === '[') return list(']', value);
    if (!skip(STRING) && !skip(NUMBER_OR_WORD)) what = 'expected a value';
    return what === '';
  };
  if (value()) {
    skip(SPACE);
    if (offset < text.length) what = 'expected the end of the file';
  }
  return what === ''
    ? undefined
    : { offset, what: offset < text.length ? what : `${what}, but the file ends` };
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001F]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/y; // eslint-disable-line no-control-regex
const NUMBER_OR_WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
