import {
  abortError,
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
  contested,
  DEFAULT_NAMESPACE,
  defineAdapter,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  ListTeller,
  notListed,
  OVERRIDE_TRIES,
  overridden,
  type RegisterOptions,
  type RegistryAdapter,
  RegistryError,
  sameInstance,
  type ServiceInstance,
  type ServiceKey,
  sleep,
  type WatchEvent,
} from '@rollcall/core';
import { HttpServers, readTls } from '@rollcall/core/network';
import type { Call } from './connection.ts';
import { GRPC_LASTING, GRPC_LIVING, GrpcTransport } from './grpc-transport.ts';
import { HTTP_LASTING, HTTP_LIVING, HttpTransport } from './http-transport.ts';
import { overlayOf, shows } from './layouts/entry.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { Layout } from './layouts/layout.ts';
import { rollcallLayout } from './layouts/rollcall.ts';
import { springLayout } from './layouts/spring.ts';
import { Login } from './login.ts';
import { namespaceIdOf } from './namespace-id.ts';
import { type NacosOptions, nacosOptions, type ResolvedNacosOptions } from './options.ts';
import { type OverlayOptions, putOverlay } from './overlay.ts';
import { httpBase } from './server-address.ts';
import { ServiceList } from './service-list.ts';
import type { Transport, WireService } from './transport.ts';

/** What `registry.type: nacos` selects. */
export const adapter = defineAdapter<ResolvedNacosOptions>({
  type: 'nacos',
  options: nacosOptions,
  create: (options, context) => new NacosAdapter(options, context),
});

/**
 * The Nacos adapter, for use in code. Without options: `http://127.0.0.1:8848`, gRPC where its port answers, no
 * authentication, Rollcall's layout.
 *
 * @param context what the core gives.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function nacosAdapter(options: NacosOptions = {}, context?: Partial<AdapterContext>): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

const LAYOUTS = {
  rollcall: rollcallLayout,
  spring: springLayout,
  kratos: kratosLayout,
} satisfies Record<ResolvedNacosOptions['layout'], Layout>;

/** Nacos takes so many characters of metadata, keys and values together. */
const MAX_METADATA_CHARACTERS = 1_024;

/** What is kept of them for the fields that Nacos has no place for. Longer ones leave less to the user. */
const OWN_CHARACTERS = 256;

/** What a transport adds: the times of connection and write, the weight that was written, and the times of the beats. */
const TRANSPORT_CHARACTERS = 150;

/** While an override isn't shown yet, Nacos is asked this often, and for so long, in milliseconds. */
const LOOK_MS = 100;
const SHOWN_MS = 1_500;

/** So many services are asked at once whether they are empty. */
const LOOKS_AT_ONCE = 8;

class NacosAdapter implements RegistryAdapter {
  readonly type = 'nacos';
  /** Absent where Nacos is spoken to by HTTP: there it tells nothing. */
  watch?: NonNullable<RegistryAdapter['watch']>;
  readonly #options: ResolvedNacosOptions;
  readonly #context: AdapterContext;
  readonly #layout: Layout;
  #isHttp: boolean;
  readonly #connection = new AdapterConnection<{ overlays: OverlayOptions; transport: Transport }>({
    registry: 'Nacos',
    end: ({ overlays, transport }, why) => {
      transport.close(why);
      overlays.http.close();
    },
  });

  constructor(options: ResolvedNacosOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.#layout = LAYOUTS[options.layout];
    this.#isHttp = options.transport === 'http';
    this.#speak(this.#isHttp);
  }

  /** With `transport: auto` those of gRPC, until `open` finds that only HTTP answers. */
  get capabilities(): AdapterCapabilities {
    const [living, lasting] = this.#isHttp ? [HTTP_LIVING, HTTP_LASTING] : [GRPC_LIVING, GRPC_LASTING];
    return {
      ...(this.#options.ephemeral ? living : lasting),
      fields: this.#layout.fields,
      namespaces: true,
      anyName: this.#layout.anyName,
      maxMetadataCharacters: MAX_METADATA_CHARACTERS - OWN_CHARACTERS,
    };
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(async () => {
      const { servers, tls, username, password, group, ephemeral } = this.#options;
      const files = tls && (await readTls(tls, signal));
      const http = new HttpServers({
        name: 'Nacos',
        servers: servers.map(httpBase),
        ...(files && { tls: files }),
      });
      const login =
        username === undefined || password === undefined
          ? undefined
          : new Login(http, { username, password });
      try {
        const transport = await this.#connect(http, login, signal);
        return { overlays: { http, login, group, ephemeral }, transport };
      } catch (error) {
        http.close();
        throw error;
      }
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const doing = `register ${instance.service}/${instance.id} in Nacos`;
    const entry = { ...this.#layout.encode(instance), clusterName: this.#options.cluster };
    const characters = Object.entries(entry.metadata).reduce(
      (sum, [key, text]) => sum + key.length + text.length,
      0,
    );
    const limit = MAX_METADATA_CHARACTERS - TRANSPORT_CHARACTERS;
    if (characters > limit) {
      const message = `metadata takes ${characters} characters with the fields that Nacos has no place for; ${limit} are free`;
      throw new RegistryError('INVALID_ARGUMENT', message, { field: 'metadata' });
    }
    return await this.#connection.current.transport.register(this.#service(instance), instance.id, entry, {
      ttlMs,
      doing,
      signal,
    });
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id} in Nacos`;
    await this.#connection.current.transport.deregister(this.#service(instance), instance.id, {
      doing,
      signal,
    });
  }

  /**
   * Resolves when Nacos shows it: its answers are up to half a second old, and so may be the write of the owner's that it was
   * put over.
   */
  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${key.service}/${key.id} in Nacos`;
    const { overlays, transport } = this.#connection.current;
    const service = this.#service(key);
    const list = new ServiceList(this.#layout, key);
    const look = async () => {
      const { instances } = list.read(await transport.list(service, { doing, signal }));
      const instance = instances.find(({ id }) => id === key.id);
      const wire = instance && list.wireOf(instance);
      if (!wire) throw notListed(key);
      return { instance, wire };
    };
    let { instance, wire } = await look();
    for (let tries = OVERRIDE_TRIES; tries > 0; tries--) {
      const changed = overridden(instance, change);
      const metadata = overlayOf(wire, changed);
      // Other readers go by the weight alone: whether an instance is healthy can't be put over.
      const weight = changed.status === 'UP' ? this.#layout.encode(changed).weight : 0;
      await putOverlay(overlays, service, { ...wire, weight, metadata }, { doing, signal });
      const shownBy = this.#context.clock.now() + SHOWN_MS;
      do {
        await sleep(this.#context.clock, LOOK_MS, signal).catch(() => {
          throw abortError(signal, doing);
        });
        ({ instance, wire } = await look());
      } while (!shows(wire, metadata) && this.#context.clock.now() < shownBy);
      if (shows(wire, metadata) && sameInstance(instance, changed)) return;
    }
    throw contested(key);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const doing = `discover ${key.service} in Nacos`;
    const hosts = await this.#connection.current.transport.list(this.#service(key), { doing, signal });
    return new ServiceList(this.#layout, key).read(hosts);
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const call = { doing: 'list the services in Nacos', signal };
    const transport = this.#connection.current.transport;
    const namespaceId = this.#namespaceId(namespace);
    const names = new Set<string>();
    for (let page = 1; ; page++) {
      // oxlint-disable-next-line no-await-in-loop -- whether there is another page, this one tells
      const more = await transport.names(namespaceId, page, call);
      const before = names.size;
      for (const name of more) names.add(name);
      if (names.size === before) break;
    }
    const services: string[] = [];
    const rest = names.values();
    // A service stays in Nacos for a minute and more when its last instance has left.
    const look = async () => {
      for (const name of rest) {
        const service = this.#layout.serviceOf(name);
        if (service === undefined) continue;
        // oxlint-disable-next-line no-await-in-loop -- some work on this side by side
        if ((await transport.list({ namespaceId, name }, call)).length > 0) services.push(service);
      }
    };
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
    return services;
  }

  async *#follow(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const call: Call = { doing: `watch ${key.service} in Nacos`, signal };
    const transport = this.#connection.current.transport;
    const list = new ServiceList(this.#layout, key);
    const teller = new ListTeller();
    for await (const hosts of transport.follow?.(this.#service(key), call) ?? []) {
      const event = teller.next(list.read(hosts));
      if (event) yield event;
    }
  }

  async #connect(http: HttpServers, login: Login | undefined, signal: AbortSignal): Promise<Transport> {
    const { servers, tls, group, ephemeral, transport: wanted } = this.#options;
    const namespaceId = this.#namespaceId(DEFAULT_NAMESPACE);
    const call = { doing: 'connect to Nacos', signal };
    const { clock, warn } = this.#context;
    const connectByHttp = async () => {
      const byHttp = new HttpTransport({ http, login, group, ephemeral, clock });
      await byHttp.open(namespaceId, call);
      return byHttp;
    };
    if (wanted === 'http') return await connectByHttp();
    this.#speak(false);
    const byGrpc = new GrpcTransport({ servers, tls, group, ephemeral, login, clock });
    try {
      await byGrpc.open(namespaceId, call);
      return byGrpc;
    } catch (error) {
      byGrpc.close(new RegistryError('UNAVAILABLE', 'no connection to Nacos was made'));
      if (wanted === 'grpc' || signal.aborted || !isUnreachable(error)) throw error;
      const byHttp = await connectByHttp().catch((reason: unknown) => {
        if (reason instanceof RegistryError && reason.code === 'INVALID_CONFIG') warn(reason.message);
        throw error;
      });
      warn('nacos: the port of gRPC does not answer: HTTP is used, and changes are seen by polling');
      this.#speak(true);
      return byHttp;
    }
  }

  #speak(isHttp: boolean): void {
    this.#isHttp = isHttp;
    if (isHttp) delete this.watch;
    else this.watch = (key, options) => this.#follow(key, options);
  }

  #service({ namespace, service }: ServiceKey): WireService {
    return { namespaceId: this.#namespaceId(namespace), name: this.#layout.serviceName(service) };
  }

  #namespaceId(namespace: string): string {
    return namespaceIdOf(namespace, this.#options.namespaces);
  }
}

/** Whether gRPC itself failed: a server that refuses what it is asked, because it is starting, for one, speaks gRPC. */
function isUnreachable(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'UNAVAILABLE' && error.cause !== undefined;
}
