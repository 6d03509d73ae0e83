import { CARRIED_FIELDS, type ServiceKey } from '@rollcall/core';
import { readInfo, writeInfo, writeMetadata } from './instance-info.ts';
import type { Layout } from './layout.ts';
import { decodeApp, decodeId, encodeApp, encodeId } from './segment.ts';

/**
 * Rollcall's own: the app `ROLLCALL.{NAMESPACE}.{SERVICE}` and the instance id `{app}:{id}`, each part encoded. The app is
 * in the id because Eureka keeps operators' overrides by the id alone, for all apps together.
 */
export function rollcallLayout(): Layout {
  const prefixOf = (namespace: string) => `ROLLCALL.${encodeApp(namespace)}.`;
  const app = ({ namespace, service }: ServiceKey) => prefixOf(namespace) + encodeApp(service);
  const instanceId: Layout['instanceId'] = (key) => `${app(key)}:${encodeId(key.id)}`;
  return {
    fields: CARRIED_FIELDS,
    namespaces: true,
    anyName: true,
    app,
    instanceId,
    serviceOf(name, namespace) {
      const prefix = prefixOf(namespace);
      return name.startsWith(prefix) ? decodeApp(name.slice(prefix.length)) : undefined;
    },
    idOf: (name, text) => (text.startsWith(`${name}:`) ? decodeId(text.slice(name.length + 1)) : undefined),
    encode: (instance) =>
      writeInfo(
        instance,
        { app: app(instance), instanceId: instanceId(instance), vipAddress: app(instance).toLowerCase() },
        writeMetadata(instance),
      ),
    decode: readInfo,
  };
}
