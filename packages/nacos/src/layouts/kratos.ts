import { CARRIED_FIELDS } from '@rollcall/core';
import { isWeightText } from '@rollcall/core/dialects';
import { decodeEntry, encodeEntry, type EntryForm } from './entry.ts';
import type { Layout } from './layout.ts';
import { plainName } from './plain-name.ts';

const FORM: EntryForm = {
  housed: ['zone', 'tags', 'endpoints'],
  // What Kratos gives every instance.
  unit: 100,
  taken: ['kind', 'version', 'weight'],
  written: ({ scheme, version, weight }) => ({
    ...(scheme !== undefined && { kind: scheme }),
    ...(version !== undefined && { version }),
    // Kratos' balancers look here, and not at Nacos' own weight.
    ...(weight !== 1 && { weight: String(weight) }),
  }),
  read: ({ kind, version, weight }) => ({
    ...(typeof kind === 'string' && kind !== '' && { scheme: kind }),
    // Kratos writes an empty one where there is none.
    ...(typeof version === 'string' && version !== '' && { version }),
    ...(typeof weight === 'string' && isWeightText(weight) && { weight: Number(weight) }),
  }),
};

/**
 * As Kratos' Nacos registry writes (https://github.com/go-kratos/kratos/tree/main/contrib/registry/nacos): one entry for
 * each endpoint, as the service `{name}.{scheme}`. To Rollcall, as to Kratos' own readers, each of those is a service.
 */
export const kratosLayout: Layout = {
  ...plainName,
  fields: CARRIED_FIELDS,
  encode: (instance) => encodeEntry(instance, FORM),
  decode: (entry, key) => decodeEntry(entry, key, FORM),
};
