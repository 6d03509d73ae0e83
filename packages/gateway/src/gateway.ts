import { randomBytes } from 'node:crypto';
import { type AddressInfo, isIP } from 'node:net';
import {
  describeEvent,
  Registry,
  RegistryError,
  systemClock,
  type Clock,
  type InstanceKey,
  type Logger,
  type LogLevel,
  type RegistryEvent,
} from '@rollcall/core';
import { openAccess } from './access.ts';
import { Changes } from './changes.ts';
import { Followers } from './followers.ts';
import { gatewayConfig } from './gateway-config.ts';
import type { GatewayParts } from './gateway-parts.ts';
import { HeldInstances } from './held-instances.ts';
import { LeaseTable } from './lease-table.ts';
import { Metrics } from './metrics.ts';
import { NamespaceNames } from './namespace-names.ts';
import { closingProblem, OpenStreams } from './open-streams.ts';
import { openApiDocument } from './openapi.ts';
import { DEFAULT_LIMITS, type GatewayCertificate, type GatewayOptions } from './options.ts';
import { RegistryHand, SharedAdapter } from './registry-hand.ts';
import { isLoopbackHost } from './request-guard.ts';
import { mountRoutes } from './route.ts';
import { addConsole } from './routes/console.ts';
import { instanceRoutes } from './routes/instances.ts';
import { leaseRoutes } from './routes/leases.ts';
import { lookingRoutes } from './routes/looking.ts';
import { addOperations } from './routes/operations.ts';
import { streamRoutes } from './routes/streams.ts';
import { authenticateRequests, createServer, renewTls } from './server.ts';
import type { ListDelta } from './service-follower.ts';
import { ServiceNames } from './service-names.ts';
import { StoreAdapter, type EmbeddedStore } from './store/index.ts';
import { StoreJournal } from './store/journal.ts';
import { openTracing } from './tracing.ts';

/** The version of the HTTP API. */
const API_VERSION = '1.0.0';

/** The changes that are remembered. */
const CHANGES = 1_000;

const DEFAULT_PORT = 7070;

/** Whether the registry behind can be reached is asked this often, in milliseconds, however many ask here. */
const READY_MS = 1_000;

/** A running gateway. */
export interface Gateway {
  /** Where it listens: `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Its name in entries and logs. */
  readonly name: string;
  /** Whether the console is served under `/console/`. */
  readonly hasConsole: boolean;
  /** Asks again whether those who have a stream open may have it: after a change of the policy. */
  recheck(): void;
  /**
   * New connections get this certificate; those that are open keep theirs.
   *
   * @throws {RegistryError} `INVALID_CONFIG` when it is no good, and then the one before stays; also where there is no TLS.
   */
  renewTls(tls: GatewayCertificate): void;
  /**
   * Leaves: streams are told, requests under way end, and everything is let go. What clients have registered stays listed
   * until they have found another gateway, or its TTL has passed. Never rejects; calls after the first share its work.
   */
  close(): Promise<void>;
}

/**
 * Starts a gateway: registration and discovery over HTTP, in front of any registry or on an embedded store.
 *
 * ```ts
 * const gateway = await startGateway({ config: { registry: { options: { path: './data' } } } });
 * console.log(gateway.url); // http://127.0.0.1:7070
 * ```
 *
 * @throws {RegistryError} `INVALID_CONFIG` for options that can't be; `UNAVAILABLE` when the embedded store can't be opened, or the
 * address can't be listened on.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { host = '127.0.0.1', port = DEFAULT_PORT, clock = systemClock, logger = stderrLogger } = options;
  checkOpenness(options, host);
  const { trustedProxies = [] } = options;
  checkRanges(trustedProxies);
  const { config, adapter } = await gatewayConfig(options, { clock, warn: (text) => logger.warn(text) });
  const name = `${options.name ?? 'gateway'}-${randomBytes(4).toString('hex')}`;
  const timeoutMs = options.changeTimeoutMs ?? 10_000;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const access = options.access ?? openAccess();

  const shared = new SharedAdapter(adapter);
  const registry = new Registry({ adapter: shared, config, clock });
  registry.on((event) => logEvent(logger, config.log.level, event));
  const hand = new RegistryHand(shared, { clock, timeoutMs: config.registry.requestTimeoutMs });
  const store = await openStore(adapter, hand).catch(async (error: unknown) => {
    await registry.close();
    throw error;
  });
  const journal = store && new StoreJournal(store);

  const changes = new Changes({ clock, size: CHANGES });
  const leases = new LeaseTable({
    clock,
    max: limits.leases,
    // Should this gateway die, its entries go with that TTL: by then every client must have beaten in vain.
    ...(!store && { maxTtlMs: config.registration.ttlMs }),
    journal,
    onExpired: (lease) => void held.leaseEnded(lease, 'expired'),
  });
  const followers = new Followers({
    registry,
    clock,
    history: options.history ?? 256,
    max: limits.services,
    idleMs: config.discovery.idleMs,
    isNeeded: (key) => held.holds(key),
    onDelta: (delta) => {
      held.onDelta(delta);
      tellForeignChanges(changes, held, delta);
    },
  });
  const held: HeldInstances = new HeldInstances({
    registry,
    hand,
    followers,
    leases,
    changes,
    clock,
    gatewayId: name,
    timeoutMs,
    journal,
    maxOverrides: limits.overrides,
    warn: (message) => logger.warn(message),
  });
  const streams = new OpenStreams({
    clock,
    max: limits.streams,
    maxPerPrincipal: limits.streamsPerPrincipal,
  });
  const serviceNames = new ServiceNames({ registry, clock });
  const namespaceNames = new NamespaceNames([
    () => [config.registry.namespace],
    () => access.namespaces(),
    () => held.namespaces,
    () => store?.namespaces ?? [],
  ]);
  const parts: GatewayParts = {
    registry,
    access,
    clock,
    followers,
    held,
    leases,
    streams,
    changes,
    serviceNames,
    namespaceNames,
  };
  if (journal) await restore(journal, parts, hand);

  let isClosing = false;
  const metrics = new Metrics({
    instances: () => held.size,
    leases: () => leases.size,
    streams: () => streams.size,
    followed: () => followers.size,
  });
  const app = createServer({
    limits,
    tls: options.tls,
    trustedProxies,
    metrics,
    tracing: await openTracing(options.tracer),
    isOpenLoopback: options.access === undefined && options.insecureOpenAccess !== true,
    isClosing: () => isClosing,
    onFailure: (error) =>
      logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
  const routes = [
    ...leaseRoutes(parts),
    ...instanceRoutes(parts),
    ...streamRoutes(parts),
    ...lookingRoutes(parts),
  ];
  addOperations(app, {
    metrics,
    openApi: openApiDocument(routes, API_VERSION),
    checkReady: once(clock, READY_MS, async () => {
      await serviceNames.list(
        config.registry.namespace,
        AbortSignal.timeout(config.registry.requestTimeoutMs),
      );
    }),
  });
  const hasConsole = await addConsole(app);
  await app.register(async (api) => {
    authenticateRequests(api, { access, limits });
    mountRoutes(api, routes);
  });

  const letGo = async (): Promise<void> => {
    leases.close();
    held.close();
    followers.close();
    serviceNames.close();
    hand.close();
    await registry.close();
  };
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    await letGo();
    throw new RegistryError('UNAVAILABLE', `can't listen on ${host}:${port}: ${String(cause)}`, { cause });
  }

  const close = async (): Promise<void> => {
    isClosing = true;
    streams.close(closingProblem());
    const late = clock.after(options.shutdownTimeoutMs ?? 10_000, () => app.server.closeAllConnections());
    await app.close();
    late();
    await letGo();
  };
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(app.server.address() as AddressInfo, options.tls !== undefined),
    name,
    hasConsole,
    recheck: () => streams.recheck(),
    renewTls: (tls) => renewTls(app.server, tls),
    close: () =>
      (closing ??= close().catch((error: unknown) =>
        logger.error(`the gateway could not leave in order: ${String(error)}`),
      )),
  };
}

/** Without access control, only this machine gets in. */
function checkOpenness({ access, insecureOpenAccess }: GatewayOptions, host: string): void {
  if (access || insecureOpenAccess || isLoopbackHost(host)) return;
  const message = `without a policy everybody who reaches ${host} could change everything: give access, listen on 127.0.0.1, or say insecureOpenAccess`;
  throw new RegistryError('INVALID_CONFIG', message, { field: 'access' });
}

function checkRanges(ranges: readonly string[]): void {
  const wrong = ranges.find((range) => !isAddressRange(range));
  if (wrong === undefined) return;
  const message = `trustedProxies has ${JSON.stringify(wrong)}, which is neither an address nor a range: write 10.0.0.7 or 10.0.0.0/8`;
  throw new RegistryError('INVALID_CONFIG', message, { field: 'trustedProxies' });
}

function isAddressRange(text: string): boolean {
  const [address = '', bits = '1', ...rest] = text.split('/');
  const most = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most;
}

/** An embedded store is there from the start, or it is no use to start. */
async function openStore(adapter: unknown, hand: RegistryHand): Promise<EmbeddedStore | undefined> {
  if (!(adapter instanceof StoreAdapter)) return undefined;
  await hand.open();
  return adapter.store;
}

/** Takes up what an earlier run held: every lease has a fresh TTL. */
async function restore(
  journal: StoreJournal,
  { leases, held }: Pick<GatewayParts, 'leases' | 'held'>,
  hand: RegistryHand,
): Promise<void> {
  for (const { id, subject, ttlMs } of await journal.leases()) leases.restore(id, subject, ttlMs);
  for (const [identity, override] of await journal.overrides()) held.restoreOverride(identity, override);
  const lists = new Map<string, Map<string, InstanceKey>>();
  for (const [identity, leaseId] of await journal.holds()) {
    const [namespace = '', service = '', id = ''] = identity.split('\n');
    const lease = leases.byId(leaseId);
    const name = `${namespace}\n${service}`;
    const known = lists.get(name);
    const list = known ?? new Map<string, InstanceKey>();
    if (!known) {
      lists.set(name, list);
      for (const instance of (await hand.look({ namespace, service })).instances)
        list.set(instance.id, instance);
    }
    const entry = list.get(id);
    if (lease && entry) held.restore(entry as Parameters<typeof held.restore>[0], lease);
    else await journal.deleteHold(identity);
  }
}

/** What other gateways, and processes without one, have changed; what this one changed is told already. */
function tellForeignChanges(changes: Changes, held: HeldInstances, { put, removed }: ListDelta): void {
  for (const entry of put) if (!held.isOwn(entry)) changes.add(entry.instance, 'updated', entry.owner);
  for (const entry of removed)
    if (!held.isOwn(entry)) changes.add(entry.instance, 'deregistered', entry.owner);
}

/** A gateway has thousands of registrations: each is a line only where the log is to be talkative. */
function logEvent(logger: Logger, level: LogLevel, event: RegistryEvent): void {
  const line = describeEvent(event);
  const isLoud = line.level === 'warn' || line.level === 'error';
  if (level === 'silent' || (!isLoud && level !== 'debug')) return;
  if (level === 'error' && line.level !== 'error') return;
  logger[line.level](line.message);
}

const stderrLogger: Logger = {
  error: (message) => process.stderr.write(`rollcall error ${message}\n`),
  warn: (message) => process.stderr.write(`rollcall warn ${message}\n`),
  info: (message) => process.stderr.write(`rollcall info ${message}\n`),
  debug: (message) => process.stderr.write(`rollcall debug ${message}\n`),
};

/** The answer is good for a while, and one question is asked for all who wait for it. */
function once(clock: Clock, forMs: number, ask: () => Promise<void>): () => Promise<void> {
  let last: { readonly at: number; readonly answer: Promise<void> } | undefined;
  return () => {
    if (!last || clock.now() - last.at > forMs) {
      const answer = ask();
      answer.catch(() => {});
      last = { at: clock.now(), answer };
    }
    return last.answer;
  };
}

function urlOf({ address, port, family }: AddressInfo, isTls: boolean): string {
  const host = family === 'IPv6' ? `[${address}]` : address;
  return `${isTls ? 'https' : 'http'}://${host}:${port}`;
}
