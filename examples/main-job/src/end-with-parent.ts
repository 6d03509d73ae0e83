/**
 * Loaded into every child with `--import`: a child whose parent is gone, in whatever way, ends. So a director that is
 * killed leaves nothing running, and the programs themselves need not know of it.
 */
process.once('disconnect', () => process.exit());
