export { alteredAdapter } from './altered-adapter.ts';
export { ManualClock, seededRandom, settle } from './manual-clock.ts';
export { WatchFollower } from './watch-follower.ts';
