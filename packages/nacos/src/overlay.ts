import { RegistryError } from '@rollcall/core';
import type { HttpServers } from '@rollcall/core/network';
import type { Call } from './connection.ts';
import { refusal } from './http-transport.ts';
import type { Login } from './login.ts';
import type { WireService } from './transport.ts';
import type { WireInstance } from './wire-instance.ts';

/** Where an instance is changed that is another's: in Nacos 3, and in Nacos 2. Nacos 1 would replace all of it. */
const PATHS = [
  ['v3', 'admin', 'ns', 'instance'],
  ['v2', 'ns', 'instance'],
] as const;

/** What servers answer for a path that they don't have, or have switched off. */
const UNKNOWN_PATH: ReadonlySet<number> = new Set([404, 405, 410, 501]);

export interface OverlayOptions {
  readonly http: HttpServers;
  readonly login?: Login | undefined;
  readonly group: string;
  readonly ephemeral: boolean;
}

/**
 * Puts weight and metadata over those of an instance, by Nacos' HTTP API: gRPC has no request for it. Nacos keeps them beside what the
 * owner registers, and whose instance it is stays as it was.
 *
 * @throws {RegistryError} `UNSUPPORTED` where the servers can't.
 */
export async function putOverlay(
  { http, login, group, ephemeral }: OverlayOptions,
  { namespaceId, name }: WireService,
  {
    ip,
    port,
    clusterName,
    weight,
    metadata,
  }: Pick<WireInstance, 'ip' | 'port' | 'clusterName' | 'weight' | 'metadata'>,
  call: Call,
): Promise<void> {
  const form = new URLSearchParams({
    namespaceId,
    groupName: group,
    serviceName: name,
    ip,
    port: String(port),
    clusterName,
    weight: String(weight),
    enabled: 'true',
    healthy: 'true',
    ephemeral: String(ephemeral),
    metadata: JSON.stringify(metadata),
  }).toString();
  /* oxlint-disable no-await-in-loop -- the next only where this one will not do */
  for (const path of PATHS) {
    for (let tries = 1; ; tries++) {
      const token = await login?.token(call.signal);
      const answer = await http.request({
        method: 'PUT',
        path,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: form,
        answeredBy: [501],
        ...call,
      });
      if (answer.status === 200) return;
      if (UNKNOWN_PATH.has(answer.status)) break;
      const isRefused = answer.status === 401 || answer.status === 403;
      if (!isRefused || token === undefined || tries > 1)
        throw refusal(answer, call.doing, token !== undefined);
      login?.drop(token);
    }
  }
  /* oxlint-enable no-await-in-loop */
  const message = `${call.doing}: these servers have no way to change another's instance, which Nacos 2 and later have: let its own process do it`;
  throw new RegistryError('UNSUPPORTED', message);
}
