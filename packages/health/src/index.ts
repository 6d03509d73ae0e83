export { HealthChecker, type HealthCheckerOptions, type HealthReport } from './health-checker.ts';
export { httpProbe, type HttpProbeOptions } from './http-probe.ts';
export type { Probe } from './probe.ts';
export { tcpProbe } from './tcp-probe.ts';
