import { prepare, type Prepared, prepared } from '../../registries/src/cache.ts';
import type { Programs } from '../../registries/src/programs.ts';
import { goBuild } from '../../registries/src/recipes/go-build.ts';

/** Go's module of later versions can't be had: its path lacks the major version. */
const VERSION = '1.76.0';

/** Jaeger's collector, store in memory and query service as one program. */
const jaeger: Prepared = {
  type: 'jaeger',
  version: VERSION,
  programs: ['jaeger'],
  recipes: [
    goBuild({
      // With the program's path, so that what it needs is fetched too.
      modules: [`github.com/jaegertracing/jaeger/cmd/all-in-one@v${VERSION}`],
      programs: { jaeger: 'github.com/jaegertracing/jaeger/cmd/all-in-one' },
      goVersion: '1.26',
    }),
  ],
};

/** Jaeger from the cache, made there first where it is missing: that takes minutes. */
export async function prepareJaeger(): Promise<Programs> {
  const progress = (line: string) => process.stderr.write(`jaeger: ${line}\n`);
  return prepared(jaeger) ?? (await prepare(jaeger, { progress }));
}
