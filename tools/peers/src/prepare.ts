import { peerPrograms, preparePeer } from './peer-programs.ts';

/** Makes every peer ready in the cache, once. What can't be had is reported and is no failure, as with the servers. */
for (const [name, program] of Object.entries(peerPrograms)) {
  try {
    // oxlint-disable-next-line no-await-in-loop -- each build uses every core
    process.stderr.write(`${name} comes from ${await preparePeer(program)}\n`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`WITHOUT ${name.toUpperCase()}: its tests will fail. ${message}\n`);
  }
}
