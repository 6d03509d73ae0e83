import { nacosAdapter } from '@rollcall/nacos';

const { code, message } = await nacosAdapter({ transport: 'http' })
  .open(AbortSignal.timeout(5_000))
  .catch((error) => error);
process.stdout.write(JSON.stringify({ code, message }));
