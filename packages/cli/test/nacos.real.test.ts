import { commandsWork } from './support/on-registry.ts';

commandsWork({ server: 'nacos', options: ({ endpoints }) => ({ servers: endpoints }), clock: 'ok' });
