import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { GatewayOptions } from '../../src/index.ts';

const MAIN = fileURLToPath(new URL('../fixtures/gateway-process.ts', import.meta.url));

/** A gateway that runs in a process of its own. */
export interface GatewayProcess {
  readonly url: string;
  /** Ends it by a signal, and waits until it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export async function startGatewayProcess(options: GatewayOptions): Promise<GatewayProcess> {
  const args = ['--conditions=@rollcall/source', '--import', import.meta.resolve('tsx'), MAIN];
  const child = spawn(process.execPath, [...args, JSON.stringify({ port: 0, env: {}, ...options })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text.trim());
    });
    void exited.then(() => reject(new Error(`the gateway ended before it served: ${text}`)));
  });
  return {
    url,
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
}
