import { createRegistry } from '@rollcall/core';

const registry = await createRegistry(); // reads rollcall.config.yaml
registry.shutdownOnSignals(); // on Ctrl-C this process leaves the list, then ends

const port = Number(process.env['PORT'] ?? 8080); // where your server listens
await registry.register({ service: 'user-service', port }).listed();

const users = registry.service('user-service');
const { instances } = await users.load();
console.log('now:', instances);
users.subscribe((list) => console.log('listed:', list.instances.map(({ id }) => id).join(', ')));
