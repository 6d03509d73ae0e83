import { eurekaAdapter } from '@rollcall/eureka';
import { startRegistry } from '@rollcall-tools/registries';
import { askHttp } from '../ask-http.ts';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer } from './first-server.ts';

/** The times of the servers that are started here, which the adapter must know; Eureka's own are 30 s and 60 s. */
const SERVER_TIMES = { responseCacheMs: 500, evictionIntervalMs: 1_000 };
const OPTIONS = { ...SERVER_TIMES, pollIntervalMs: 500 };
/** How often so many clients ask, as docs/reliability.md advises: what Eureka's own have as their default, in milliseconds. */
const CROWD_POLL_MS = 30_000;

const { crashSlackMs, propagationMs } = eurekaAdapter(OPTIONS).capabilities;

const NO_CREDENTIALS = 'no credentials';

export const eureka: RegistryKind = {
  type: 'eureka',
  crashSlackMs,
  // Each request connects by itself.
  reconnectMs: 0,
  // Nobody leads: the next server is asked at once. What its peers told it, it tells when its cache is renewed.
  electionMs: 0,
  seenMs: propagationMs,
  fillMs: 4_000 + CROWD_POLL_MS,
  ports: [{ offset: 0, wire: 'http' }],
  refusal: { code: 'UNAUTHENTICATED', names: /password/u },
  // A request that is given up is work for the server still.
  crowdSettings: { requestTimeoutMs: 30_000 },
  lacks: {
    disk: 'in memory only',
    endLease: 'entry and lease are one',
    removeFromCatalog: 'one place only',
    lockOut: NO_CREDENTIALS,
    letIn: NO_CREDENTIALS,
    rotate: NO_CREDENTIALS,
  },
  start: ({ nodes }) => start(nodes),
};

async function start(nodes: 1 | 3): Promise<RegistryUnderTest> {
  const servers = await startRegistry('eureka', { own: true, nodes });
  const [first] = servers.nodes;
  if (!first) throw new Error('eureka was started without a node');
  const ask = async (method: 'GET' | 'DELETE', path: string, headers = {}): Promise<unknown> => {
    const node = servers.nodes.find(({ running }) => running) ?? first;
    return await askHttp(`${node.endpoint}/${path}`, { method, headers });
  };
  const appOf = (service: string): string => `ROLLCALL.DEFAULT.${service.toUpperCase()}`;
  /** The server keeps each form of its list by itself, and may keep one without the last change. */
  const cached = async (app: string, form: 'full' | 'compact'): Promise<readonly string[]> => {
    // Of one app alone it says 404 when nobody is there.
    const answer = (await ask('GET', 'apps', { 'x-eureka-accept': form })) as Applications;
    const found = [answer.applications.application].flat().find(({ name }) => name === app);
    return [found?.instance ?? []].flat().map(({ instanceId }) => instanceId);
  };
  /** Past the caches. */
  const isThere = async (app: string, instanceId: string): Promise<boolean> =>
    await ask('GET', `apps/${app}/${instanceId}`).then(
      () => true,
      (error: unknown) => {
        if (String(error).includes(': 404 ')) return false;
        throw error;
      },
    );

  return {
    port: Number(new URL(first.endpoint).port),
    secrets: [],
    client: (port, isCrowd = false) => ({
      type: 'eureka',
      options: {
        ...OPTIONS,
        ...(isCrowd && { pollIntervalMs: CROWD_POLL_MS }),
        servers: port === undefined ? [...servers.endpoints] : [`http://127.0.0.1:${port}/eureka`],
      },
    }),
    async listed(service) {
      const app = appOf(service);
      const told = new Set([...(await cached(app, 'full')), ...(await cached(app, 'compact'))]);
      const there = await Promise.all(Array.from(told, (id) => isThere(app, id)));
      return [...told].filter((_, i) => there[i]).map((id) => id.slice(app.length + 1));
    },
    ...firstServer(first),
    startTwin: () => start(1),
    operator: {
      killLeader: () => first.kill(),
      async remove(service, id) {
        await ask('DELETE', `apps/${appOf(service)}/${appOf(service)}:${id}`);
      },
    },
    stop: () => servers.stop(),
  };
}

/** What the server writes as one thing where there is one, and as an array where there are more. */
type OneOrMore<T> = T | readonly T[];

interface Applications {
  readonly applications: {
    readonly application: OneOrMore<{
      readonly name: string;
      readonly instance: OneOrMore<{ readonly instanceId: string }>;
    }>;
  };
}
