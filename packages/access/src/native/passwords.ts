import { resolve } from 'node:path';
import { parseDocument, RegistryError } from '@rollcall/core';
import * as z from 'zod';
import { readText } from '../authentication/key-sources.ts';

const schema = z.record(
  z.string(),
  z.string({ error: 'must be a text: put it in quotes' }).min(1, 'is empty'),
);

/**
 * Reads the passwords of accounts from a YAML or JSON file, by subject: `{ ci: … }`.
 *
 * @throws {RegistryError} `INVALID_CONFIG`, with no password in it.
 */
export async function readPasswords(file: string): Promise<Readonly<Record<string, string>>> {
  const path = resolve(file);
  const text = await readText(path).catch((cause: unknown) => {
    throw new RegistryError('INVALID_CONFIG', `${path} can't be read: is the path right?`, { cause });
  });
  try {
    return parseDocument(path, text, { schema, what: 'file of passwords' });
  } catch (error) {
    if (!(error instanceof RegistryError) || error.field === undefined) throw error;
    // A wrong value would be quoted, and it may be a password.
    throw new RegistryError(
      'INVALID_CONFIG',
      `Invalid file of passwords: ${path}: ${error.field} must be a text that is not empty`,
      {
        field: error.field,
      },
    );
  }
}
