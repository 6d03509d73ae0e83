import { encodeSegment, type InstanceKey } from '@rollcall/core';

/** The operator's tools, under the short names that the tests here use. */
export {
  endZooKeeperSession as killSession,
  NO_SESSION as NOBODY,
  ZooKeeperOperator as Operator,
} from '@rollcall-tools/registries';

export function pathOf({ namespace, service, id }: InstanceKey): string {
  return `/rollcall/${[namespace, service, id].map(encodeSegment).join('/')}`;
}
