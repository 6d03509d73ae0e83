import type { ServiceInstance } from '@rollcall/core';

/**
 * Looks at one instance. It resolves when that is well, and rejects with the reason when it isn't. What it has begun ends with the
 * signal, which has the deadline.
 */
export type Probe = (instance: ServiceInstance, signal: AbortSignal) => Promise<void>;
