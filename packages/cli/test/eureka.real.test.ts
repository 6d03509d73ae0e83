import { commandsWork } from './support/on-registry.ts';

commandsWork({
  server: 'eureka',
  // Its defaults: the answers are cached for half a minute.
  options: ({ endpoints }) => ({ servers: endpoints }),
  clock: 'ok',
  timeoutMs: 180_000,
});
