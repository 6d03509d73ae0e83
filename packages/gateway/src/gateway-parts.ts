import type { Clock, Registry } from '@rollcall/core';
import type { GatewayAccess } from './access.ts';
import type { Changes } from './changes.ts';
import type { Followers } from './followers.ts';
import type { HeldInstances } from './held-instances.ts';
import type { LeaseTable } from './lease-table.ts';
import type { NamespaceNames } from './namespace-names.ts';
import type { OpenStreams } from './open-streams.ts';
import type { ServiceNames } from './service-names.ts';

/** What the routes work with. */
export interface GatewayParts {
  readonly registry: Registry;
  readonly access: GatewayAccess;
  readonly clock: Clock;
  readonly followers: Followers;
  readonly held: HeldInstances;
  readonly leases: LeaseTable;
  readonly streams: OpenStreams;
  readonly changes: Changes;
  readonly serviceNames: ServiceNames;
  readonly namespaceNames: NamespaceNames;
}
