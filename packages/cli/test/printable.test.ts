import { describe, expect, it } from 'vitest';
import { jsonText, printable, printableLines } from '../src/printable.ts';

describe('a text from a registry', () => {
  it('is shown as it is where it is harmless, in every script', () => {
    for (const text of ['user-service', 'naïve café', '日本語', '👩‍👩‍👧', 'a\\b "c"'])
      expect(printable(text)).toBe(text);
  });

  it('has every control character escaped, old and new', () => {
    expect(printable('\u{1b}[2J\u{7}\r\n\t\u{0}\u{7f}\u{9b}31m')).toBe(
      '\\x1b[2J\\x07\\r\\n\\t\\x00\\x7f\\x9b31m',
    );
  });

  it('can turn no direction, break no line and end in no half character', () => {
    expect(printable('a\u{202e}b\u{2066}c\u{2028}d\u{d800}')).toBe('a\\u202eb\\u2066c\\u2028d\\ud800');
  });

  it('may be of several lines in a message', () => {
    expect(printableLines('one\ntwo\u{1b}')).toBe('one\ntwo\\x1b');
  });
});

describe('JSON', () => {
  it('is safe on a terminal, and still the same', () => {
    const value = { text: 'a\u{1b}b\u{9b}c\u{202e}d\u{2028}e\u{7f}日' };
    expect(jsonText(value)).toBe('{"text":"a\\u001bb\\u009bc\\u202ed\\u2028e\\u007f日"}');
    expect(JSON.parse(jsonText(value, 2))).toEqual(value);
  });
});
