export { type RunningJaeger, startJaeger } from './jaeger.ts';
export type { CollectedSpan } from './collected-span.ts';
