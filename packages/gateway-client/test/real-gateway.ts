import { encodeSegment, type InstanceKey } from '@rollcall/core';
import type { RunningGateway } from '@rollcall-tools/registries';

/** Asks a gateway as who may do everything there, or nobody in particular where it knows no users. */
export async function asOperator(
  { endpoints: [endpoint = ''], auth }: Pick<RunningGateway, 'endpoints' | 'auth'>,
  method: string,
  path: readonly string[],
): Promise<unknown> {
  const answer = await fetch(`${endpoint}/v1/${path.map(encodeSegment).join('/')}`, {
    method,
    headers: { ...(auth && { authorization: `Bearer ${auth.password}` }) },
    signal: AbortSignal.timeout(15_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the gateway answers ${answer.status} to ${method}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

export function placeOf({ namespace, service, id }: InstanceKey): readonly string[] {
  return ['namespaces', namespace, 'services', service, 'instances', id];
}
