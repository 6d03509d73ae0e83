import { RegistryError, type RegistryErrorCode, toRegistryError } from '@rollcall/core';
import { Exception } from 'node-zookeeper-client';

/** The code of a ZooKeeper error, also of one that was explained; `undefined` for anything else. */
export function zookeeperCode(error: unknown): number | undefined {
  const own = error instanceof RegistryError ? error.cause : error;
  return own instanceof Exception ? own.code : undefined;
}

/** @param doing what was being done, such as `register user-service/7 in ZooKeeper`; it starts the message. */
export function explain(error: unknown, doing: string, host: string): RegistryError {
  if (!(error instanceof Exception)) return toRegistryError(error, doing);
  const [code, advice] = MEANINGS.get(error.code) ?? ['PROTOCOL', ''];
  const text = `${doing}: ZooKeeper at ${host} says ${error.name}${advice && `; ${advice}`}`;
  return new RegistryError(code, text, { cause: error });
}

/** https://zookeeper.apache.org/doc/r3.9.3/apidocs/zookeeper-server/org/apache/zookeeper/KeeperException.Code.html */
const MEANINGS: ReadonlyMap<number, readonly [RegistryErrorCode, string]> = new Map([
  [Exception.CONNECTION_LOSS, ['UNAVAILABLE', 'the connection was lost']],
  [Exception.OPERATION_TIMEOUT, ['UNAVAILABLE', 'it took too long']],
  [Exception.BAD_ARGUMENTS, ['INVALID_ARGUMENT', 'a name holds characters that it does not take']],
  [Exception.NO_AUTH, ['PERMISSION_DENIED', 'check username and password, and the node’s access list']],
  [Exception.INVALID_ACL, ['PERMISSION_DENIED', 'it does not take the access list of this user']],
  [Exception.AUTH_FAILED, ['UNAUTHENTICATED', 'check username and password']],
  [Exception.SESSION_EXPIRED, ['LEASE_LOST', 'register again']],
  [Exception.NOT_EMPTY, ['PROTOCOL', 'the entry has nodes below it, as no instance has: remove them']],
]);
