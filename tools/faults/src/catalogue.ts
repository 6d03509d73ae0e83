import type { RegistryKind } from './registry-kind.ts';
import { etcd } from './registries/etcd.ts';
import type { Scenario } from './scenario.ts';
import { clientFrozen, startedDuringOutage } from './scenarios/client.ts';
import { passwordChanged, wrongPassword } from './scenarios/credentials.ts';
import { blackHoled, compactedWhileCut } from './scenarios/network.ts';
import { entryRemoved, leaseEnded } from './scenarios/operator.ts';
import { frozen, killedAndRestarted, leaderKilled, restartedEmpty } from './scenarios/server.ts';

export const KINDS: readonly RegistryKind[] = [etcd];

/** The longest first, so that those which run beside it end with it. */
export const SCENARIOS: readonly Scenario[] = [
  frozen,
  blackHoled,
  killedAndRestarted,
  restartedEmpty,
  leaderKilled,
  compactedWhileCut,
  clientFrozen,
  leaseEnded,
  entryRemoved,
  wrongPassword,
  passwordChanged,
  startedDuringOutage,
];

/** Whether the registry's operator can do what the scenario needs. */
export function applies({ needs = [] }: Scenario, { powers }: RegistryKind): boolean {
  return needs.every((power) => powers.includes(power));
}
