/** Rollcall's gateway, on a store of its own in the folder that `STORE` names. */
import { startGateway } from '@rollcall/gateway';
import { startTracing, tell } from './traced-program.ts';

startTracing('gateway');
const config = { registry: { options: { path: process.env['STORE'] } }, log: { level: 'warn' as const } };
const gateway = await startGateway({ port: 0, env: {}, config });
tell(gateway.url);
