import { CARRIED_FIELDS, decodeSegment, encodeSegment } from '@rollcall/core';
import { decodeEntry, encodeEntry, type EntryForm } from './entry.ts';
import type { Layout } from './layout.ts';

const FORM: EntryForm = {
  housed: ['scheme', 'version', 'zone', 'tags', 'endpoints'],
  unit: 1,
  taken: [],
  written: () => ({}),
  read: () => ({}),
};

/** Rollcall's own: the service's name percent-encoded, and what Nacos has no place for in the metadata. */
export const rollcallLayout: Layout = {
  fields: CARRIED_FIELDS,
  anyName: true,
  serviceName: encodeSegment,
  serviceOf: decodeSegment,
  encode: (instance) => encodeEntry(instance, FORM),
  decode: (entry, key) => decodeEntry(entry, key, FORM),
};
