/** What is shown, as it stands behind the `#` of the address: it can be bookmarked, and holds no secret. */
export type Route =
  | { readonly view: 'services'; readonly namespace: string | undefined }
  | {
      readonly view: 'instances';
      readonly namespace: string;
      readonly service: string;
      readonly id: string | undefined;
    }
  | { readonly view: 'topology' | 'changes' | 'access' };

/** The route that this hash means; the services of the first namespace for one that means none. */
export function routeOf(hash: string): Route {
  const [view, namespace, service, id] = hash.replace(/^#\/?/, '').split('/').map(decode);
  if (view === 'topology' || view === 'changes' || view === 'access') return { view };
  if (view !== 'services' || !namespace) return { view: 'services', namespace: undefined };
  if (!service) return { view: 'services', namespace };
  return { view: 'instances', namespace, service, id: id === '' ? undefined : id };
}

/** The hash of a route, for a link. */
export function hashOf(to: Route): string {
  if (to.view === 'services') return to.namespace === undefined ? '#/services' : join(to.namespace);
  if (to.view !== 'instances') return `#/${to.view}`;
  return to.id === undefined ? join(to.namespace, to.service) : join(to.namespace, to.service, to.id);
}

function join(...names: readonly string[]): string {
  return `#/services/${names.map(encodeURIComponent).join('/')}`;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}
