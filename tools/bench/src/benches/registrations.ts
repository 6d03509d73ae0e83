import { ManualClock } from '@rollcall/core/testing';
import { row, type Bench, type Row } from '../bench.ts';
import { costOf } from '../cost.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleSpec } from '../sample-instances.ts';

const TTL_MS = 15_000;
const TTLS = 20;

export const registrations: Bench = {
  name: 'registrations',
  title: 'Many registrations from one process',
  async run({ quick, progress }) {
    const counts = quick ? [1, 200] : [1, 100, 10_000];
    const runs: { readonly count: number; readonly beats: number; readonly cpuMs: number }[] = [];
    for (const count of counts) {
      progress(`${count} registrations`);
      runs.push({ count, ...(await registered(count)) });
    }
    const one = runs[0]?.beats ?? 0;
    const rows: Row[] = runs.map(({ count, beats }) =>
      row({
        what: `${count.toLocaleString('en')} registered`,
        unit: 'beats per TTL',
        ours: beats,
        ...(count > 1 && {
          // Not the same to the beat: the waits between them are spread by a tenth.
          target: { text: 'no more than one registration', met: beats < one + 1 },
        }),
      }),
    );
    const most = runs.at(-1);
    if (most)
      rows.push(
        row({
          what: `registering ${most.count.toLocaleString('en')}, the core alone`,
          unit: 'µs of CPU each',
          ours: (most.cpuMs * 1_000) / most.count,
        }),
      );
    return {
      rows,
      notes: [
        `Beats over ${TTLS} TTLs of ${TTL_MS / 1_000} s by a clock that is moved by hand, on a registry that grants a process one lease, as etcd's adapter does.`,
      ],
    };
  },
};

async function registered(count: number): Promise<{ beats: number; cpuMs: number }> {
  const clock = new ManualClock();
  const adapter = new PushAdapter(() => [], TTL_MS);
  const config = { registration: { ttlMs: TTL_MS, verifyIntervalMs: 86_400_000 } };
  const registry = await measuredRegistry(adapter, config, clock);
  const { cpuMs } = await costOf(async () => {
    const wanted = Array.from({ length: count }, (_, i) => registry.register(sampleSpec('user-service', i)));
    await Promise.all(wanted.map((registration) => registration.listed()));
  });
  adapter.beats = 0;
  await clock.advance(TTLS * TTL_MS);
  const beats = adapter.beats / TTLS;
  await registry.close();
  return { beats, cpuMs };
}
