import type { ServiceInstance } from '@rollcall/core';
import type { Judgement } from './judgement.ts';

/** Told when an instance falls ill, with the reason, and when it is well again. */
export type OnChange = (instance: ServiceInstance, isWell: boolean, reason: Error | undefined) => void;

/** Tells it. The checks go on when the listener throws; whose mistake it is hears of it as of any that nobody catches. */
export function tell(onChange: OnChange, instance: ServiceInstance, { isWell, reason }: Judgement): void {
  try {
    onChange(instance, isWell, reason);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
