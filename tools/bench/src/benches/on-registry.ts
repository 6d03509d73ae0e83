import type { Bench } from '../bench.ts';
import { BENCHED_REGISTRIES, type BenchedType } from '../on-registry/catalogue.ts';
import { measureRegistry } from '../on-registry/measure.ts';
import { registryRows } from '../on-registry/rows.ts';
import { FULL, QUICK } from '../on-registry/sizes.ts';

/** One bench for each registry: the same work on all. */
export const onRegistries: readonly Bench[] = (Object.keys(BENCHED_REGISTRIES) as BenchedType[]).map(
  onRegistry,
);

function onRegistry(type: BenchedType): Bench {
  const about = BENCHED_REGISTRIES[type];
  return {
    name: `on-${type}`,
    title: `On ${about.name}`,
    server: type,
    async run({ quick, progress }) {
      const sizes = quick ? QUICK : FULL;
      const figures = await measureRegistry(type, sizes, progress);
      const { ours, bare } = figures.seenMs;
      return {
        rows: registryRows(about, sizes, figures),
        notes: [
          ...about.notes,
          `Seen: ${ours.count} changes (bare: ${bare.count}) at ${sizes.perSecond} a second in a service of ${sizes.moving}.`,
        ],
      };
    },
  };
}
