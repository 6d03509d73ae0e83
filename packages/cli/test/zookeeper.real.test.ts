import { commandsWork } from './support/on-registry.ts';

commandsWork({
  server: 'zookeeper',
  options: ({ endpoints }) => ({ hosts: endpoints }),
  // It speaks no HTTP.
  clock: 'skipped',
});
