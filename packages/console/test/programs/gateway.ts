/** A gateway on an embedded store, as a process that can be killed: `gateway.ts PORT FOLDER`. */
import { startGateway } from '@rollcall/gateway';

const [port = '0', folder = '.'] = process.argv.slice(2);
const gateway = await startGateway({
  port: Number(port),
  env: {},
  cwd: folder,
  config: { registry: { type: 'store', options: { path: folder } }, log: { level: 'error' } },
});
process.stdout.write(`${gateway.url}\n`);
