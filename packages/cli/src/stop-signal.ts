/** Aborts at the first Ctrl-C or SIGTERM; the second ends the process at once, as it does by default. */
export function stopSignal(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    release();
    controller.abort();
  };
  const release = (): void => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  return { signal: controller.signal, release };
}
