import { writeGolden } from './golden/golden-file.ts';
import { recordings } from './golden/registries.ts';

/**
 * Writes the golden files anew: what other frameworks' own libraries write into real registries. Names of registries as arguments leave
 * out the others.
 */
const asked = process.argv.slice(2);
for (const [registry, recordAll] of Object.entries(recordings)) {
  if (asked.length > 0 && !asked.includes(registry)) continue;
  // oxlint-disable-next-line no-await-in-loop -- two cores, and each starts a server
  for (const file of await recordAll()) await writeGolden(file);
}
