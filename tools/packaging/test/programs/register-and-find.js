import { createRegistry } from '@rollcall/core';

const registry = await createRegistry({ config: { discovery: { protection: false } } });
const registration = registry.register({ service: 'user-service', host: '10.0.0.7', port: 8080 });
await registration.listed();
const users = registry.service('user-service');
const { instances } = await users.load();
const services = await registry.services();
await registration.update({ weight: 5 });
const weight = (await when(users, (list) => list.instances[0]?.weight === 5)).instances[0].weight;
await registration.deregister();
await when(users, (list) => list.instances.length === 0);
await registry.close();
process.stdout.write(JSON.stringify({ found: instances.map(({ id }) => id), weight, services, left: true }));

/** The first list of which `check` holds. */
async function when(view, check) {
  for await (const list of view.changes({ signal: AbortSignal.timeout(20_000) }))
    if (check(list)) return list;
  throw new Error('it was not seen in 20 s');
}
