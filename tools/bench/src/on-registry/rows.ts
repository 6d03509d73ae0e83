import { type Row, row } from '../bench.ts';
import type { RegistryTitle } from './catalogue.ts';
import type { Both, Figures } from './measure.ts';
import type { Sizes } from './sizes.ts';

/** The lines of the page for one registry. */
export function registryRows({ bare, decoding }: RegistryTitle, sizes: Sizes, figures: Figures): Row[] {
  const { registerMs, registerCpuMs, listMs, seenMs, requestsPerMinute, memory, wholeCpuMs } = figures;
  const beside = (what: string, unit: string, { ours, bare: figure }: Both<number>) =>
    row({ what, unit, ours, peer: { name: bare, figure } });
  const seen = (name: string, rank: 'p50' | 'p99') =>
    beside(`change → seen, ${name}`, 'ms', { ours: seenMs.ours[rank], bare: seenMs.bare[rank] });
  const rows = [
    beside(`register ${many(sizes.list)} instances`, 'ms', registerMs),
    beside(`register ${many(sizes.list)} instances`, 'ms of CPU', registerCpuMs),
    beside(`list ${many(sizes.list)} instances`, 'ms', listMs),
    seen('p50', 'p50'),
    seen('p99', 'p99'),
    beside(
      `at rest, ${sizes.services} services watched, one instance listed`,
      'requests/min',
      requestsPerMinute,
    ),
    beside(`memory of an instance among ${many(sizes.many)}`, 'bytes', memory),
  ];
  if (!wholeCpuMs || decoding === undefined) return rows;
  for (const [count, { ours, decoding: figure }] of [
    [sizes.few, wholeCpuMs.few],
    [sizes.many, wholeCpuMs.many],
  ] as const)
    rows.push(
      row({
        what: `one change among ${many(count)}`,
        unit: 'ms of CPU',
        ours,
        peer: { name: decoding, figure },
      }),
    );
  return rows;
}

function many(count: number): string {
  return count.toLocaleString('en');
}
