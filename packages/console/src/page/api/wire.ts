import type { InstanceStatus, ServiceInstance } from '@rollcall/core';

export type { InstanceStatus };

/** An instance as the gateway tells of it. What goes beyond the core's is there for those who may override it. */
export interface Instance extends ServiceInstance {
  /** Who registered it. */
  readonly owner?: string;
  /** What its owner asked for, where an override stands instead. */
  readonly overrides?: { readonly status: InstanceStatus; readonly weight: number };
}

export type Verb = 'list' | 'watch' | 'register' | 'deregister' | 'override' | 'admin';

/** `GET /v1/me` */
export interface Me {
  readonly subject: string;
  readonly kind: 'user' | 'service' | 'key' | 'anonymous';
  readonly roles: readonly string[];
  readonly namespaces: readonly { readonly name: string; readonly verbs: readonly Verb[] }[];
}

export interface ServiceCount {
  readonly name: string;
  readonly up: number;
  readonly total: number;
}

export interface NamespaceView {
  readonly name: string;
  readonly mode: 'strict' | 'limited' | 'open';
  readonly services: readonly ServiceCount[];
}

/** Who may call across a border: `from` and `to` are a namespace or `namespace/service`. */
export interface Crossing {
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** `GET /v1/topology` */
export interface Topology {
  readonly namespaces: readonly NamespaceView[];
  readonly crossings: readonly Crossing[];
}

/** One of `GET /v1/changes`. */
export interface Change {
  readonly at: number | string;
  readonly namespace: string;
  readonly service: string;
  readonly id: string;
  readonly kind: 'registered' | 'updated' | 'deregistered' | 'expired' | 'override';
  readonly by?: string;
}

/** The whole list of a service. */
export interface InstanceList {
  readonly instances: readonly Instance[];
}

/** What changed in it since. */
export interface InstanceDelta {
  readonly put?: readonly Instance[];
  readonly removed?: readonly string[];
}
