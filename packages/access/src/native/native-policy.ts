import type { Principal } from '../contract.ts';

/** The registries whose own access lists can be written. `nacos` is Nacos 3, `nacos2` is Nacos 2. */
export const NATIVE_REGISTRIES = ['etcd', 'consul', 'zookeeper', 'nacos', 'nacos2'] as const;
export type NativeRegistry = (typeof NATIVE_REGISTRIES)[number];

/** Somebody who uses a registry directly, and so needs an account of it. */
export interface NativeAccount {
  /** The subject; it is also the name of the account. */
  readonly subject: string;
  /** Roles beside those that the policy gives to the subject. */
  readonly roles?: readonly string[];
  readonly home?: Principal['home'];
}

export interface RenderOptions {
  /**
   * Accounts beside those that the policy names: its keys, and its subjects without `*`. For workloads, whose subjects only their tokens
   * tell.
   */
  readonly accounts?: readonly NativeAccount[];
  /** Namespaces, and services as `namespace/service`, beside those that the policy names: for patterns that the registry can't hold. */
  readonly known?: readonly string[];
  /** What all keys of etcd, or paths of ZooKeeper, start with. Defaults to `/rollcall`. */
  readonly prefix?: string;
  /** Nacos' group. Defaults to `DEFAULT_GROUP`. */
  readonly group?: string;
  /** ZooKeeper: the passwords of the accounts, by subject, which its access lists hold as digests. */
  readonly passwords?: Readonly<Record<string, string>>;
}

/** One thing for an operator to do. A secret is never in it. */
export type NativeStep =
  | {
      readonly kind: 'command';
      /** A program and its arguments; for ZooKeeper a line of its shell, `zkCli.sh`. */
      readonly command: readonly string[];
      /** The account whose new password the program asks for. */
      readonly asksPasswordOf?: string;
    }
  | {
      readonly kind: 'request';
      readonly method: 'PUT' | 'POST';
      readonly path: string;
      /** Sent as JSON. */
      readonly json?: Readonly<Record<string, unknown>>;
      /** Sent as a form. */
      readonly form?: Readonly<Record<string, string>>;
      /** The account whose new password is to be added to the form, as `password`. */
      readonly passwordOf?: string;
    };

/** The access lists of a registry that say what a policy says, as far as it can. */
export interface NativePolicy {
  readonly registry: NativeRegistry;
  /** What to do, in this order. */
  readonly steps: readonly NativeStep[];
  /** What the registry's own lists can't say. None of it is permitted by them: they permit less than the policy, never more, but where a line says so. */
  readonly warnings: readonly string[];
}
