import type { RegistryKind } from './registry-kind.ts';
import { consul } from './registries/consul.ts';
import { etcd } from './registries/etcd.ts';
import { eureka } from './registries/eureka.ts';
import { gateway } from './registries/gateway.ts';
import { nacos } from './registries/nacos.ts';
import { zookeeper } from './registries/zookeeper.ts';
import type { Scenario } from './scenario.ts';
import { clientFrozen, clientKilled, startedDuringOutage } from './scenarios/client.ts';
import { credentialsRotated, passwordChanged, wrongPassword } from './scenarios/credentials.ts';
import { emptyAnswer } from './scenarios/list.ts';
import { churn, reconnectingAtOnce } from './scenarios/load.ts';
import { blackHoled, compactedWhileCut } from './scenarios/network.ts';
import { entryRemoved, leaseEnded, removedFromCatalog } from './scenarios/operator.ts';
import { frozen, killedAndRestarted, leaderKilled, restartedEmpty } from './scenarios/server.ts';

export const KINDS: readonly RegistryKind[] = [etcd, consul, zookeeper, nacos, eureka, gateway];

/** The longest first, so that those which run beside it end with it. */
export const SCENARIOS: readonly Scenario[] = [
  frozen,
  blackHoled,
  killedAndRestarted,
  restartedEmpty,
  leaderKilled,
  emptyAnswer,
  compactedWhileCut,
  clientKilled,
  clientFrozen,
  leaseEnded,
  entryRemoved,
  removedFromCatalog,
  wrongPassword,
  passwordChanged,
  credentialsRotated,
  startedDuringOutage,
  reconnectingAtOnce,
  churn,
];
