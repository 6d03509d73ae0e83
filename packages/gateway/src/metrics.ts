import { Counter, Gauge, Histogram, Registry as MetricsRegistry } from 'prom-client';

export interface GatewayGauges {
  readonly instances: () => number;
  readonly leases: () => number;
  readonly streams: () => number;
  readonly followed: () => number;
}

/** What the gateway counts. No label has a name that somebody chose: routes, methods and statuses only. */
export class Metrics {
  readonly #registry = new MetricsRegistry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #refused: Counter<'reason'>;

  constructor(gauges: GatewayGauges) {
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: 'rollcall_gateway_request_duration_seconds',
      help: 'How long requests took; streams count until they begin.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#refused = new Counter({
      name: 'rollcall_gateway_refused_total',
      help: 'Requests that were refused, by the kind of problem.',
      labelNames: ['reason'],
      registers,
    });
    const says = {
      instances: 'Instances that this gateway keeps listed.',
      leases: 'Leases of clients.',
      streams: 'Open streams.',
      followed: 'Services that this gateway follows.',
    } as const satisfies Record<keyof GatewayGauges, string>;
    for (const [name, help] of Object.entries(says) as [keyof GatewayGauges, string][]) {
      const gauge: Gauge = new Gauge({
        name: `rollcall_gateway_${name}`,
        help,
        registers,
        collect: (): void => gauge.set(gauges[name]()),
      });
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  answered(request: { method: string; route: string; status: number; tookMs: number }): void {
    const { method, route, status, tookMs } = request;
    this.#requests.observe({ method, route, status }, tookMs / 1_000);
  }

  refused(reason: string): void {
    this.#refused.inc({ reason });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
