export { ManualClock, seededRandom, settle } from './manual-clock.ts';
