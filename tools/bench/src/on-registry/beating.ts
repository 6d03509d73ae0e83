import { TTL_MS } from './benched-registry.ts';

/**
 * Sends a beat again and again, a third of the TTL after the one before was answered: what one writes by hand where a
 * library has nothing for it. One that fails is left to the next. Gives the function that ends it.
 */
export function beating(beat: () => Promise<unknown>): () => void {
  let timer = setTimeout(() => void send(), TTL_MS / 3);
  let hasEnded = false;
  const send = async (): Promise<void> => {
    await beat().catch(() => {});
    if (!hasEnded) timer = setTimeout(() => void send(), TTL_MS / 3);
  };
  return () => {
    hasEnded = true;
    clearTimeout(timer);
  };
}
