import { httpLook } from '../../registries/src/http-look.ts';
import { type GroupPlan, type Place, ServerGroup } from '../../registries/src/server-group.ts';
import { until } from '../../registries/src/until.ts';
import { type CollectedSpan, spansOf, type TracesJson } from './collected-span.ts';
import { prepareJaeger } from './jaeger-program.ts';

export interface RunningJaeger {
  /** Where programs send their spans, by OTLP over HTTP: `http://127.0.0.1:…/v1/traces`. */
  readonly tracesEndpoint: string;
  /** Jaeger's own page. */
  readonly page: string;
  /**
   * The spans of a trace, when it has so many.
   *
   * @throws {Error} with those that there are, when it hasn't within 15 s.
   */
  trace(traceId: string, spans: number): Promise<readonly CollectedSpan[]>;
  /** Ends it and removes its folder. Can be called twice. */
  stop(): Promise<void>;
}

const COLLECTED_MS = 15_000;

/** Its ports, in the order of a place. */
const PORTS = [
  'collector.otlp.http.host-port',
  'query.http-server.host-port',
  'admin.http.host-port',
  'collector.otlp.grpc.host-port',
  'query.grpc-server.host-port',
  'collector.grpc-server.host-port',
  'collector.http-server.host-port',
] as const;

/** Starts a Jaeger that keeps spans in memory, on ports of its own. It ends with this process. */
export async function startJaeger(): Promise<RunningJaeger> {
  const programs = await prepareJaeger();
  const address = (place: Place, port: (typeof PORTS)[number]) =>
    `127.0.0.1:${place.ports[PORTS.indexOf(port)]}`;
  const page = (place: Place) => `http://${address(place, 'query.http-server.host-port')}`;
  const plan: GroupPlan = {
    type: 'jaeger',
    nodes: 1,
    portsPerNode: PORTS.length,
    detached: false,
    readyWithinMs: 30_000,
    endpoint: page,
    command: (place) => ({
      program: programs.path('jaeger'),
      args: PORTS.map((port) => `--${port}=${address(place, port)}`),
    }),
    isReady: async (place) => {
      const looks = [`http://${address(place, 'admin.http.host-port')}/`, `${page(place)}/api/services`];
      const seen = await Promise.all(looks.map((url) => httpLook(url)));
      return seen.every((body) => body !== undefined);
    },
  };
  const group = await ServerGroup.start(plan);
  const [node] = group.nodes;
  if (!node) throw new Error('a group of one has one');
  return {
    tracesEndpoint: `http://${address(node.place, 'collector.otlp.http.host-port')}/v1/traces`,
    page: page(node.place),
    trace: async (traceId, count) => {
      let last: readonly CollectedSpan[] = [];
      const look = async () => {
        const body = await httpLook(`${page(node.place)}/api/v3/traces/${traceId}`);
        if (body === undefined) return undefined;
        last = spansOf((JSON.parse(body) as { readonly result: TracesJson }).result);
        return last.length >= count ? last : undefined;
      };
      try {
        return await until(look, { what: `${count} spans`, withinMs: COLLECTED_MS, everyMs: 100 });
      } catch (error) {
        const names = last.map(({ process, name }) => `${process}: ${name}`).join(', ') || 'none';
        throw new Error(`trace ${traceId}: not ${count} spans within ${COLLECTED_MS} ms, but ${names}`, {
          cause: error,
        });
      }
    },
    stop: () => group.stop(),
  };
}
