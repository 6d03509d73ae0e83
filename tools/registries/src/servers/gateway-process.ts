/** One gateway, as a process of its own. Its argument is a file with {@link GatewaySettings}. */
import { readFileSync, writeFileSync } from 'node:fs';
import { AccessControl } from '@rollcall/access';
import { type Gateway, type GatewayOptions, startGateway } from '@rollcall/gateway';

export interface GatewaySettings extends Pick<GatewayOptions, 'name' | 'port' | 'config' | 'limits'> {
  /** Is written once the gateway serves. */
  readonly readyFile: string;
  readonly policyFile?: string;
  readonly tls?: {
    readonly certFile: string;
    readonly keyFile: string;
    /** Who signs client certificates; without one nobody gets in. */
    readonly clientCaFile?: string;
  };
}

const [, , file = ''] = process.argv;
const { readyFile, policyFile, tls, ...settings } = JSON.parse(readFileSync(file, 'utf8')) as GatewaySettings;
const access =
  policyFile === undefined
    ? undefined
    : await AccessControl.open({ file: policyFile, onReload: () => gateway?.recheck() });
let gateway: Gateway | undefined = undefined;
gateway = await startGateway({
  ...settings,
  // Whoever starts it may have a configuration of their own.
  env: {},
  ...(access && { access }),
  ...(tls && {
    tls: {
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      ...(tls.clientCaFile !== undefined && {
        ca: readFileSync(tls.clientCaFile),
        requireClientCertificate: true,
      }),
    },
  }),
});
writeFileSync(readyFile, gateway.url);

const leave = async (): Promise<void> => {
  await gateway?.close();
  await access?.close();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void leave());
