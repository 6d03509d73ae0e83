import type { AccessControl, DecisionRecord } from '@rollcall/access';
import type { Gateway, GatewayCertificate } from '@rollcall/gateway';
import type { Command } from '../command.ts';
import type { ParsedLine } from '../command-line.ts';
import { overridesOf, saidByCommandLine } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { print, printJson, say, warn } from '../output.ts';
import { jsonText } from '../printable.ts';
import { stopSignal } from '../stop-signal.ts';
import { followTlsFiles, readTlsFiles, type TlsFiles } from '../tls-files.ts';
import { UsageError } from '../usage-error.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Serves a registry over HTTP, with access control and the console',
  operands: '',
  arity: { min: 0, max: 0 },
  needsRegistry: true,
  options: {
    host: { type: 'string', value: 'HOST', says: 'the address to listen on (127.0.0.1)' },
    port: { type: 'string', value: 'PORT', says: 'the port to listen on; 0 for any that is free (7070)' },
    data: { type: 'string', value: 'DIR', says: 'the folder of the embedded store (rollcall-data)' },
    policy: { type: 'string', value: 'FILE', says: 'who may do what; followed while it changes' },
    'insecure-open-access': {
      type: 'boolean',
      says: 'lets everybody who reaches the address do everything',
    },
    'tls-cert': { type: 'string', value: 'FILE', says: 'the certificate, PEM; read anew when it changes' },
    'tls-key': { type: 'string', value: 'FILE', says: 'its key, PEM' },
    'tls-ca': { type: 'string', value: 'FILE', says: 'who signs client certificates, PEM' },
    'require-client-certificate': { type: 'boolean', says: 'refuses connections without one' },
    'trust-proxy': {
      type: 'string',
      multiple: true,
      value: 'RANGE',
      says: 'a proxy in front, whose X-Forwarded-For is believed: an address or 10.0.0.0/8. Repeatable',
    },
    name: { type: 'string', value: 'NAME', says: 'names this gateway among others' },
    quiet: { type: 'boolean', says: 'no line for each decision on access' },
  },
  details: `
  rollcall serve
  rollcall serve --policy policy.yaml --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  rollcall serve --registry etcd --option 'endpoints=["http://10.0.0.5:2379"]' --policy policy.yaml

Where no registry is configured, the embedded store in --data keeps what is registered, over a crash too; one process at a time.
In front of another registry, several gateways are interchangeable. Without --policy everybody may do everything, and so it listens
on this machine only. Decisions are one JSON line each on standard error. Ctrl-C or SIGTERM: streams are told, requests under way
end, exit code 0. A second one ends it at once.
`,
  run: async (line) => {
    const stop = stopSignal();
    let access: AccessControl | undefined;
    let gateway: Gateway | undefined;
    let unfollow = (): void => {};
    try {
      const files = tlsFilesOf(line);
      const tls = files && (await readTlsFiles(files).catch(failTls));
      access = await openAccess(line, () => gateway?.recheck());
      gateway = await start(line, { access, tls });
      if (files && tls) unfollow = followTls(gateway, files, tls);
      tell(line, gateway, access !== undefined);
      await aborted(stop.signal);
      say('leaving');
    } finally {
      unfollow();
      await gateway?.close();
      await access?.close();
      stop.release();
    }
    return EXIT.ok;
  },
};

async function start(
  line: ParsedLine,
  {
    access,
    tls,
  }: { readonly access: AccessControl | undefined; readonly tls: GatewayCertificate | undefined },
): Promise<Gateway> {
  const { startGateway } = await installed('@rollcall/gateway', () => import('@rollcall/gateway'));
  const [host, name, file] = [line.text('host'), line.text('name'), line.text('config')];
  try {
    return await startGateway({
      ...(host !== undefined && { host }),
      port: portOf(line),
      ...(name !== undefined && { name }),
      ...(file !== undefined && { file }),
      ...(access && { access }),
      ...(tls && { tls: { ...tls, requireClientCertificate: line.flag('require-client-certificate') } }),
      insecureOpenAccess: line.flag('insecure-open-access'),
      trustedProxies: line.texts('trust-proxy'),
      config: configOf(line),
    });
  } catch (error) {
    const field = error instanceof Error && 'field' in error ? error.field : undefined;
    if (field === 'access')
      fail(
        `without --policy everybody who reaches ${host} could change everything: give one, leave --host out, or say --insecure-open-access`,
      );
    throw saidByCommandLine(error);
  }
}

async function openAccess(line: ParsedLine, onChange: () => void): Promise<AccessControl | undefined> {
  const file = line.text('policy');
  if (file === undefined) return undefined;
  if (line.flag('insecure-open-access')) fail('--policy and --insecure-open-access are opposites: give one');
  const { AccessControl } = await installed('@rollcall/access', () => import('@rollcall/access'));
  return await AccessControl.open({
    file,
    ...(!line.flag('quiet') && { onDecision: (record: DecisionRecord) => say(jsonText(record)) }),
    onReload: (outcome) => {
      if (outcome.ok) {
        say(`the policy in ${file} has changed and holds from now on`);
        onChange();
      } else warn(`the policy in ${file} is refused, the one before stays: ${outcome.error.message}`);
    },
  });
}

function configOf(line: ParsedLine) {
  const config = overridesOf(line);
  const data = line.text('data');
  if (data === undefined) return config;
  const { type = 'store', options } = config.registry ?? {};
  if (type !== 'store') fail(`--data is for the embedded store, not for ${type}`);
  return { ...config, registry: { ...config.registry, type, options: { ...options, path: data } } };
}

function portOf(line: ParsedLine): number {
  const text = line.text('port') ?? '7070';
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) fail(`--port must be a number from 0 to 65535, not ${text}`);
  return port;
}

function tlsFilesOf(line: ParsedLine): TlsFiles | undefined {
  const [cert, key, ca] = [line.text('tls-cert'), line.text('tls-key'), line.text('tls-ca')];
  if (line.flag('require-client-certificate') && ca === undefined)
    fail('--require-client-certificate needs --tls-ca: who signs them');
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) return fail('TLS needs both --tls-cert and --tls-key');
  return { cert, key, ca };
}

function failTls(error: unknown): never {
  return fail(`the files of TLS: ${messageOf(error)}`);
}

/** Certificates end, and are renewed while the gateway runs. */
function followTls(gateway: Gateway, files: TlsFiles, current: GatewayCertificate): () => void {
  return followTlsFiles(files, current, {
    onChange: (texts) => {
      gateway.renewTls(texts);
      say(`the certificate in ${files.cert} has changed and holds for new connections`);
    },
    onProblem: (error) => warn(`the files of TLS can't be taken, the ones before stay: ${messageOf(error)}`),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tell(line: ParsedLine, { url, name, hasConsole }: Gateway, hasPolicy: boolean): void {
  const page = hasConsole ? `${url}/console/` : undefined;
  if (line.flag('json')) printJson({ url, name, ...(page !== undefined && { console: page }) });
  else print(`serving ${url}${page === undefined ? '' : `, the console is ${page}`}`);
  if (hasPolicy) return;
  if (line.flag('insecure-open-access'))
    warn('everybody who reaches this address may do everything: --policy FILE says who may do what');
  else say('everybody on this machine may do everything: --policy FILE says who may do what');
}

async function installed<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing || !error.message.includes(name)) throw error;
    return fail(`serve needs ${name}, which isn't installed: run npm install ${name}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function fail(message: string): never {
  throw new UsageError(message, 'serve');
}
