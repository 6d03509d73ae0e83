import { signal } from '@preact/signals';
import { hashOf, type Route, routeOf } from './hash.ts';

export { hashOf, type Route };

/** Where the reader is. */
export const route = signal<Route>(routeOf(location.hash));

window.addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});

/** Shows this namespace where the address, as it is now, names no view: the way back doesn't lead there again. */
export function beginAt(namespace: string): void {
  const asked = routeOf(location.hash);
  // The reader may have gone elsewhere since this was wanted.
  if (asked.view !== 'services' || asked.namespace !== undefined) return;
  const to: Route = { view: 'services', namespace };
  history.replaceState(null, '', hashOf(to));
  route.value = to;
}

export function go(to: Route): void {
  location.hash = hashOf(to);
}
