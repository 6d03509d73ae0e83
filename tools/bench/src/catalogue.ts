import type { Bench } from './bench.ts';
import { access } from './benches/access.ts';
import { changes } from './benches/changes.ts';
import { coldStart } from './benches/cold-start.ts';
import { gateway } from './benches/gateway.ts';
import { etcdRegistrations } from './benches/etcd-registrations.ts';
import { etcdWatch } from './benches/etcd-watch.ts';
import { httpCalls } from './benches/http-calls.ts';
import { memory } from './benches/memory.ts';
import { mix } from './benches/mix.ts';
import { onRegistries } from './benches/on-registry.ts';
import { picks } from './benches/picks.ts';
import { policies } from './benches/policies.ts';
import { reading } from './benches/reading.ts';
import { registrations } from './benches/registrations.ts';
import { telemetry } from './benches/telemetry.ts';
import { wireFormat } from './benches/wire-format.ts';

/** Every bench, in the order of the page. */
export const BENCHES: readonly Bench[] = [
  reading,
  changes,
  mix,
  picks,
  policies,
  httpCalls,
  telemetry,
  access,
  gateway,
  memory,
  wireFormat,
  coldStart,
  registrations,
  etcdRegistrations,
  etcdWatch,
  ...onRegistries,
];
