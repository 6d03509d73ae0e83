import { CARRIED_FIELDS } from '@rollcall/core';
import { decodeEntry, encodeEntry, type EntryForm } from './entry.ts';
import type { Layout } from './layout.ts';
import { plainName } from './plain-name.ts';

const SOURCE = 'preserved.register.source';
const SECURE = 'secure';
/** Where Spring Cloud's load balancer looks. */
const ZONE = 'zone';

const FORM: EntryForm = {
  housed: ['version', 'tags', 'endpoints', 'scheme'],
  unit: 1,
  taken: [SOURCE, SECURE, ZONE],
  written: ({ scheme, zone }) => ({
    [SOURCE]: 'SPRING_CLOUD',
    ...(scheme === 'https' && { [SECURE]: 'true' }),
    ...(zone !== undefined && { [ZONE]: zone }),
  }),
  says: (field, { scheme }) => field === 'scheme' && scheme === 'https',
  read: ({ [SECURE]: secure, [ZONE]: zone }) => ({
    ...(secure === 'true' && { scheme: 'https' }),
    ...(typeof zone === 'string' && zone !== '' && { zone }),
  }),
};

/**
 * As Spring Cloud Alibaba writes
 * (https://github.com/alibaba/spring-cloud-alibaba/tree/2023.x/spring-cloud-alibaba-starters/spring-cloud-starter-alibaba-nacos-discovery):
 * `metadata.secure` for https, the zone, and where the entry comes from.
 */
export const springLayout: Layout = {
  ...plainName,
  fields: CARRIED_FIELDS,
  encode: (instance) => encodeEntry(instance, FORM),
  decode: (entry, key) => decodeEntry(entry, key, FORM),
};
