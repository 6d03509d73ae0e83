import type { ServiceInstance } from '@rollcall/core';

/**
 * What somebody does to a registry:
 *
 * | verb | covers |
 * |---|---|
 * | `list` | namespaces, services, instances |
 * | `watch` | the same, as they change |
 * | `register` | one's own instances: register, renew, update, deregister |
 * | `deregister` | instances of others |
 * | `override` | status and weight of instances of others |
 * | `admin` | the gateway itself |
 */
export const VERBS = ['list', 'watch', 'register', 'deregister', 'override', 'admin'] as const;
export type Verb = (typeof VERBS)[number];

/** Who asks. Made by `AccessControl.authenticate`; frozen. */
export interface Principal {
  /** The name that instances are owned by, and that the log has. */
  readonly subject: string;
  readonly kind: 'user' | 'service' | 'key' | 'anonymous';
  /** The roles at the time of authentication. A decision goes by those of now. */
  readonly roles: readonly string[];
  /** Where it belongs. With a home, other namespaces are reached only where the namespace policy lets it cross. */
  readonly home?: { readonly namespace: string; readonly service?: string };
  /** When it has to authenticate again, in milliseconds since the epoch. */
  readonly expiresAt?: number;
}

export interface AccessRequest {
  readonly verb: Verb;
  readonly namespace: string;
  /**
   * The service. Without one, `list` and `watch` are about the namespace's list of services: allowed when any service of it may be,
   * so that each of the list has to be asked about by itself. The other verbs are about all services then.
   */
  readonly service?: string;
  readonly id?: string;
  /**
   * For `register` and `deregister`: the subject that registered the instance that stands there. `null` when one stands there and
   * nobody knows whose it is; left out when none does.
   */
  readonly owner?: string | null;
}

export interface AccessDecision {
  readonly allowed: boolean;
  /** Which rule said so, or which is missing. */
  readonly why: string;
  /** When it is there, only the instances that it answers `true` for may be seen. */
  readonly only?: (instance: ServiceInstance) => boolean;
}
