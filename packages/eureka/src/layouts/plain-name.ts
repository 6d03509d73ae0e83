import { RegistryError } from '@rollcall/core';
import type { Layout } from './layout.ts';

/** Apps and ids with names as they are; apps in capitals. */
export const PLAIN_NAMES: Pick<
  Layout,
  'namespaces' | 'anyName' | 'app' | 'instanceId' | 'serviceOf' | 'idOf'
> = {
  namespaces: false,
  anyName: false,
  app({ service }) {
    if (isPlain(service) && service.toUpperCase().toLowerCase() === service) return service.toUpperCase();
    const message =
      'service holds capitals, which Eureka can’t tell from small letters, or a character that its URLs don’t take: use another name, or the layout rollcall';
    throw new RegistryError('INVALID_ARGUMENT', message, { field: 'service' });
  },
  instanceId({ id }) {
    if (isPlain(id)) return id;
    const message = 'id holds a character that Eureka’s URLs don’t take: use another, or the layout rollcall';
    throw new RegistryError('INVALID_ARGUMENT', message, { field: 'id' });
  },
  serviceOf(app) {
    const service = app.toLowerCase();
    return isPlain(service) && service.toUpperCase() === app ? service : undefined;
  },
  idOf: (_app, instanceId) => instanceId,
};

/** Tomcat refuses some of these in a path, encoded or not; Spring Security's firewall refuses all. */
function isPlain(name: string): boolean {
  return name !== '.' && name !== '..' && !/[/\\%;?#\p{C}]/u.test(name);
}
