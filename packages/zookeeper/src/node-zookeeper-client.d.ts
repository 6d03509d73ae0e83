/**
 * The parts of node-zookeeper-client 1.1.3 that are used here. Types that others publish leave out the options that
 * resume a session, the ready-made access lists, and `connectionManager`, which the supervision has to reach.
 */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export interface Stat {
    /** Eight zero bytes for a node that isn't ephemeral. */
    readonly ephemeralOwner: Buffer;
    readonly numChildren: number;
    /** How often its data was written since it was made. */
    readonly version: number;
  }

  export interface WatchedEvent {
    readonly path: string;
  }

  type Watcher = (event: WatchedEvent) => void;
  type Done<T extends readonly unknown[]> = (error: Error | null | undefined, ...values: T) => void;

  export interface Transaction {
    remove(path: string): this;
    create(path: string, data: Buffer, acls: readonly ACL[], mode: number): this;
    commit(callback: Done<[]>): void;
  }

  export interface ConnectionManager {
    socket?: Socket;
    connect(): void;
    setState(state: number): void;
    onSocketConnected(): void;
    onSocketDrain(): void;
    onSocketData(chunk: Buffer): void;
    onSocketClosed(): void;
    onSocketError(error: Error): void;
  }

  export interface Client extends EventEmitter {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    addAuthInfo(scheme: string, auth: Buffer): void;
    getSessionId(): Buffer;
    getSessionPassword(): Buffer;
    /** As the server granted it, in milliseconds. */
    getSessionTimeout(): number;
    create(path: string, data: Buffer, acls: readonly ACL[], mode: number, callback: Done<[string]>): void;
    setData(path: string, data: Buffer, version: number, callback: Done<[Stat]>): void;
    remove(path: string, version: number, callback: Done<[]>): void;
    /** `null` for a node that isn't there. */
    exists(path: string, callback: Done<[Stat | null]>): void;
    exists(path: string, watcher: Watcher, callback: Done<[Stat | null]>): void;
    getChildren(path: string, callback: Done<[string[]]>): void;
    getChildren(path: string, watcher: Watcher, callback: Done<[string[]]>): void;
    getData(path: string, callback: Done<[Buffer | undefined, Stat]>): void;
    getData(path: string, watcher: Watcher, callback: Done<[Buffer | undefined, Stat]>): void;
    transaction(): Transaction;
    close(): void;
  }

  export interface ClientOptions {
    readonly sessionTimeout: number;
    readonly spinDelay?: number;
    readonly retries?: number;
    readonly sessionId?: Buffer;
    readonly sessionPassword?: Buffer;
  }

  export function createClient(connectionString: string, options: ClientOptions): Client;

  export interface ACL {
    readonly permission: number;
  }

  export const ACL: {
    readonly OPEN_ACL_UNSAFE: readonly ACL[];
    readonly CREATOR_ALL_ACL: readonly ACL[];
    readonly READ_ACL_UNSAFE: readonly ACL[];
  };

  export const CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL: number };

  export class Exception extends Error {
    static readonly CONNECTION_LOSS: number;
    static readonly OPERATION_TIMEOUT: number;
    static readonly BAD_ARGUMENTS: number;
    static readonly NO_NODE: number;
    static readonly BAD_VERSION: number;
    static readonly NO_AUTH: number;
    static readonly NODE_EXISTS: number;
    static readonly NOT_EMPTY: number;
    static readonly SESSION_EXPIRED: number;
    static readonly INVALID_ACL: number;
    static readonly AUTH_FAILED: number;
    readonly code: number;
  }
}
