import { prepareJaeger } from './jaeger-program.ts';

/** Makes Jaeger ready in the cache, once. That it can't be had is reported and is no failure, as with the registries. */
try {
  process.stderr.write(`jaeger comes from ${(await prepareJaeger()).source}\n`);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`WITHOUT JAEGER: its tests will fail. ${message}\n`);
}
