import { checkName, INSTANCE_STATUSES, MAX_WEIGHT, RegistryError } from '@rollcall/core';
import * as z from 'zod';
import { VERBS } from '@rollcall/access';
import { LEASE_TTL_MS } from './lease-table.ts';

/** The schemas of the API: what validates the input is what the OpenAPI document is made of. */

const name = (field: string, says: string) =>
  z
    .string()
    .min(1)
    .superRefine((value, context) => {
      try {
        checkName(field, value);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
      }
    })
    .describe(says);

export const namespaceName = name('namespace', 'A namespace, percent-encoded.');
const serviceName = name('service', 'A service, percent-encoded.');
const instanceId = name('id', 'An instance, percent-encoded.');

export const namespacePath = z.strictObject({ namespace: namespaceName });
export const servicePath = z.strictObject({ namespace: namespaceName, service: serviceName });
export const instancePath = z.strictObject({
  namespace: namespaceName,
  service: serviceName,
  id: instanceId,
});
export const leasePath = z.strictObject({ lease: z.string().min(1).max(64).describe('The id of a lease.') });

const status = z.enum(INSTANCE_STATUSES).describe('Eureka’s five words.');
const weight = z.number().min(0).max(MAX_WEIGHT).describe('Its share of the calls; 0 gives it none.');

const instanceFields = {
  host: z.string().min(1).max(253).describe('A host name or IP address that callers can reach.'),
  port: z.int().min(1).max(65_535),
  scheme: z.string().min(1).exactOptional().describe('The protocol that the port speaks.'),
  version: z.string().min(1).exactOptional(),
  zone: z.string().min(1).exactOptional(),
  tags: z.array(z.string().min(1)).exactOptional(),
  metadata: z
    .record(z.string(), z.string())
    .exactOptional()
    .describe('Your own data. Keys that begin with `rollcall.` are the gateway’s.'),
  endpoints: z.array(z.string()).exactOptional().describe('URLs of further protocols.'),
};

/** What a client gives to have an instance listed. */
export const instanceSpec = z
  .strictObject({
    namespace: z.string().exactOptional().describe('Must be that of the path.'),
    service: z.string().exactOptional().describe('Must be that of the path.'),
    id: z.string().exactOptional().describe('Must be that of the path.'),
    ...instanceFields,
    status: status.exactOptional(),
    weight: weight.exactOptional(),
  })
  .meta({ id: 'InstanceSpec' });

export const instance = z
  .object({
    namespace: z.string(),
    service: z.string(),
    id: z.string(),
    ...instanceFields,
    status,
    weight,
    owner: z.string().exactOptional().describe('Who registered it: for those who may override.'),
    overrides: z
      .object({ status, weight })
      .exactOptional()
      .describe('What its owner asked for, where an override stands instead: for those who may override.'),
  })
  .meta({ id: 'Instance' });

const skipped = z
  .array(z.object({ key: z.string(), reason: z.string() }))
  .describe('Entries that are in the registry but can’t be read.');

export const instanceList = z
  .object({
    instances: z.array(instance),
    skipped,
    revision: z.string().exactOptional().describe('The registry’s own version of the list.'),
    ageMs: z.number().describe('How long ago the registry last confirmed the list.'),
  })
  .meta({ id: 'InstanceList' });

export const listQuery = z.strictObject({
  maxStaleMs: z.coerce
    .number()
    .int()
    .min(0)
    .exactOptional()
    .describe('While the registry behind can’t be reached: take the last good list up to this age.'),
});

export const leaseRequest = z
  .strictObject({
    ttlMs: z
      .number()
      .min(1)
      .max(86_400_000)
      .describe(
        `How long it lasts without a renewal; moved into ${LEASE_TTL_MS.min} to ${LEASE_TTL_MS.max}.`,
      ),
  })
  .meta({ id: 'LeaseRequest' });

export const lease = z.object({ id: z.string(), ttlMs: z.number() }).meta({ id: 'Lease' });

export const overrideRequest = z
  .strictObject({ status: status.exactOptional(), weight: weight.exactOptional() })
  .refine((value) => value.status !== undefined || value.weight !== undefined, {
    message: 'must have status, weight or both',
  })
  .meta({ id: 'Override' });

export const namespaceList = z.object({ namespaces: z.array(z.string()) }).meta({ id: 'NamespaceList' });
export const serviceList = z.object({ services: z.array(z.string()) }).meta({ id: 'ServiceList' });

export const principal = z
  .object({
    subject: z.string(),
    kind: z.enum(['user', 'service', 'key', 'anonymous']),
    roles: z.array(z.string()),
    namespaces: z.array(z.object({ name: z.string(), verbs: z.array(z.enum(VERBS)) })),
  })
  .meta({ id: 'Principal' });

const change = z
  .object({
    at: z.iso.datetime(),
    namespace: z.string(),
    service: z.string(),
    id: z.string(),
    kind: z.enum(['registered', 'updated', 'deregistered', 'expired', 'override']),
    by: z.string().exactOptional().describe('Who did it, or whose instance it is.'),
  })
  .meta({ id: 'Change' });

export const changeList = z.object({ changes: z.array(change) }).meta({ id: 'ChangeList' });
export const changesQuery = z.strictObject({ namespace: namespaceName.exactOptional() });

export const topology = z
  .object({
    namespaces: z.array(
      z.object({
        name: z.string(),
        mode: z.enum(['strict', 'limited', 'open']),
        services: z.array(z.object({ name: z.string(), up: z.int(), total: z.int() })),
      }),
    ),
    crossings: z
      .array(z.object({ from: z.string(), to: z.string(), why: z.string() }))
      .describe('Which namespace, or service of one, may look into another.'),
  })
  .meta({ id: 'Topology' });

export const problemDetails = z
  .object({
    type: z.string().describe('`urn:rollcall:problem:<slug>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong and what to do.'),
    code: z.string().describe('The `RegistryErrorCode` that a client has for it.'),
    field: z.string().exactOptional().describe('The input at fault.'),
  })
  .meta({ id: 'Problem' });

export const eventStream = z
  .string()
  .describe('Server-sent events, as the HTML standard has them; a comment line every 10 seconds.');
