/**
 * What a terminal takes as an order, or shows as something else than it is: control characters, line and paragraph
 * separators, halves of surrogate pairs, and the marks that turn the direction of text
 * (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters).
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;

/** The same that JSON leaves as they are; it escapes the others by itself. */
const UNSAFE_IN_JSON = /[\u{7f}-\u{9f}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * A text from a registry as it may be shown: in one line, with everything escaped that a terminal would obey. Anybody who
 * may register an instance writes its metadata.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (character) => SHORT.get(character) ?? escaped(character));
}

/** As {@link printable}, for a message of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON that is safe on a terminal too, and still the same JSON. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(UNSAFE_IN_JSON, unicodeEscape);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
