import { invalidArgument, type ServiceInstance } from '@rollcall/core';
import { type Dice, SIDES } from './dice.ts';
import { hashText } from './hash.ts';
import type { PickRequest } from './policy.ts';

/** Sends some of the calls to some of the instances: to a canary, or to the version that a caller asks for. */
export interface Route {
  /** Calls that have all of these headers; names in lower case. Left out: any call. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * What part of those calls, 0 to 100. Defaults to 100. Calls with a `key` are taken by it, so that who is once sent to a
   * canary stays there.
   */
  readonly percent?: number;
  /** The instances. All that is given must be so. */
  readonly to: {
    readonly namespace?: string;
    readonly version?: string;
    /** Each of them. */
    readonly tags?: readonly string[];
    readonly metadata?: Readonly<Record<string, string>>;
  };
  /** What becomes of a call when no such instance can take it: `next` (the default) looks further, `fail` gives none. */
  readonly otherwise?: 'next' | 'fail';
}

/** Whether a route is for a call. */
export function takes({ headers, percent = 100 }: Route, request: PickRequest, dice: Dice): boolean {
  for (const name in headers) if (request.headers?.[name] !== headers[name]) return false;
  if (percent >= 100) return true;
  const point =
    request.key === undefined ? dice.throw() / SIDES : hashText(request.key, PERCENT_SEED) / 2 ** 32;
  return point * 100 < percent;
}

/** Whether an instance is one of those that a route leads to. */
export function leadsTo({ to }: Route, instance: ServiceInstance): boolean {
  const { namespace, version, tags = [], metadata = {} } = to;
  return (
    (namespace === undefined || instance.namespace === namespace) &&
    (version === undefined || instance.version === version) &&
    tags.every((tag) => instance.tags?.includes(tag)) &&
    Object.entries(metadata).every(([key, value]) => instance.metadata?.[key] === value)
  );
}

/** @throws {RegistryError} `INVALID_ARGUMENT` */
export function checkRoutes(routes: readonly Route[]): void {
  for (const [i, { percent = 100, to }] of routes.entries()) {
    if (!(percent >= 0 && percent <= 100)) throw invalidArgument(`routes[${i}].percent`, 'must be 0 to 100');
    if (typeof to !== 'object' || Object.keys(to).length === 0)
      throw invalidArgument(
        `routes[${i}].to`,
        'must say which instances: namespace, version, tags or metadata',
      );
  }
}

/** Else the part of keys that a route takes would be those that go to the same place of the ring. */
const PERCENT_SEED = 0x5ca1ab1e;
