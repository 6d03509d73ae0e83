import type { CarriedField } from '../adapter.ts';
import { RegistryError } from '../errors.ts';
import { isInstanceStatus, type InstanceSpec, type ServiceInstance } from '../instance.ts';

/** What starts the metadata keys that Rollcall adds where a layout has no place for a field. */
const OWN = 'rollcall.';
/** What is put before a user's own key that starts with {@link OWN}. */
const ESCAPE = 'rollcall.metadata.';

/** The fields that can stand in metadata. */
export type HousedField = Exclude<CarriedField, 'metadata'>;

/**
 * An instance's metadata with more of its fields in it, as `rollcall.zone`, `rollcall.status` and so on; lists as
 * JSON text. A field at its default is left out.
 */
export function housedMetadata(
  instance: ServiceInstance,
  fields: readonly HousedField[],
): Record<string, string> {
  const own = Object.entries(instance.metadata ?? {}).map(([key, text]): [string, string] => [
    key.startsWith(OWN) ? ESCAPE + key : key,
    text,
  ]);
  const added = fields.flatMap((field): [string, string][] => {
    const text = TEXT[field].write(instance);
    return text === undefined ? [] : [[OWN + field, text]];
  });
  // `fromEntries` defines own properties, so a key named `__proto__` is data and nothing else.
  return Object.fromEntries([...own, ...added]);
}

/** The inverse of {@link housedMetadata}. @throws {RegistryError} `PROTOCOL` */
export function fieldsFromMetadata(
  metadata: Readonly<Record<string, unknown>>,
  fields: readonly HousedField[],
): Partial<InstanceSpec> {
  const rest: [string, string][] = [];
  const spec: Partial<{ -readonly [Field in HousedField]: InstanceSpec[Field] }> = {};
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') throw new RegistryError('PROTOCOL', `metadata.${key} is not a string`);
    const field = key.startsWith(OWN) ? fields.find((name) => OWN + name === key) : undefined;
    if (field === undefined) rest.push([key.startsWith(ESCAPE) ? key.slice(ESCAPE.length) : key, text]);
    else Object.assign(spec, { [field]: TEXT[field].read(text) });
  }
  return { ...spec, metadata: Object.fromEntries(rest) };
}

/** How each field is written as text, and read from it. */
const TEXT: Readonly<Record<HousedField, TextForm>> = {
  status: {
    write: ({ status }) => (status === 'UP' ? undefined : status),
    read: (text) => (isInstanceStatus(text) ? text : 'UNKNOWN'),
  },
  weight: {
    write: ({ weight }) => (weight === 1 ? undefined : String(weight)),
    read: numberIn,
  },
  tags: {
    write: ({ tags }) => tags && JSON.stringify(tags),
    read: (text) => listIn('tags', text),
  },
  endpoints: {
    write: ({ endpoints }) => endpoints && JSON.stringify(endpoints),
    read: (text) => listIn('endpoints', text),
  },
  scheme: { write: ({ scheme }) => scheme, read: (text) => text },
  version: { write: ({ version }) => version, read: (text) => text },
  zone: { write: ({ zone }) => zone, read: (text) => text },
};

interface TextForm {
  /** `undefined` for what is absent or at its default. */
  write(instance: ServiceInstance): string | undefined;
  read(text: string): InstanceSpec[HousedField];
}

function numberIn(text: string): number {
  if (text.trim() === '') throw new RegistryError('PROTOCOL', `metadata.${OWN}weight is empty`);
  return Number(text);
}

function listIn(field: 'tags' | 'endpoints', text: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new RegistryError('PROTOCOL', `metadata.${OWN}${field} is not JSON`, { cause: error });
  }
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    throw new RegistryError('PROTOCOL', `metadata.${OWN}${field} is not a list of strings`);
  }
  return list;
}
