import { readFileSync } from 'node:fs';
import { format, type FormatConfig } from 'oxfmt';

const CONFIG = new URL('../../../.oxfmtrc.json', import.meta.url);

/**
 * The text, formatted as the rest of the project is.
 *
 * @param file its path, by whose ending the language is told.
 */
export async function formatted(file: string, text: string): Promise<string> {
  const config = JSON.parse(readFileSync(CONFIG, 'utf8')) as FormatConfig;
  const { code, errors } = await format(file, text, config);
  const [error] = errors;
  if (error) throw new Error(`${file} can't be formatted: ${error.message}`);
  return code;
}
