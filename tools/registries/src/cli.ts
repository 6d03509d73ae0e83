import { parseArgs } from 'node:util';

import pc from 'picocolors';

import type { RegistryType, StartOptions } from './contract.ts';
import { remember, remembered, takeDown } from './detached.ts';
import { availability, prepareRegistry, registryTypes, startRegistry } from './start-registry.ts';

const HELP = `Starts real registries on this machine.

  npm run registries -- <command>

  up <type>        starts one and waits for Ctrl-C, then stops it
    --nodes 1|3      how many servers (1)
    --port <n>       the first client port (a free one)
    --tls            clients speak TLS; --mutual-tls: they show a certificate
    --detach         leaves it running; \`down\` stops it
    --json           prints one line of JSON instead
  down [type]      stops what \`up --detach\` left running
  status [--json]  lists it, and says where each type of server would come from
  prepare <type>   makes a server ready in the cache, so that \`up\` takes no time
    --all            every type; what can't be had is reported and is no failure
    --force          anew, even when it is there
  --help

Types: ${registryTypes.join(', ')}
A server comes from: ROLLCALL_<TYPE>_BIN, PATH, the cache ($ROLLCALL_CACHE, else ~/.cache/rollcall).
ROLLCALL_<TYPE>_ENDPOINTS makes tests use one that already runs.
`;

/** A mistake in the command line: exit code 2. */
class UsageError extends Error {}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const usage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  say(`${pc.red('error')} ${message}${usage ? '\nTry --help.' : ''}`);
  process.exitCode = usage ? 2 : 1;
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      nodes: { type: 'string' },
      port: { type: 'string' },
      tls: { type: 'boolean' },
      'mutual-tls': { type: 'boolean' },
      detach: { type: 'boolean' },
      json: { type: 'boolean' },
      all: { type: 'boolean' },
      force: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [command, type, ...rest] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  if (rest.length > 0) throw new UsageError(`one type at a time, not also ${rest.join(' ')}`);
  switch (command) {
    case 'up': {
      const options: StartOptions = {
        own: true,
        nodes: nodesFrom(values.nodes),
        tls: values['mutual-tls'] ? 'mutual' : (values.tls ?? false),
        detached: values.detach ?? false,
        ...(values.port !== undefined && { port: portFrom(values.port) }),
      };
      return up(typeFrom(type), options, values.json ?? false);
    }
    case 'down':
      return down(type === undefined ? undefined : typeFrom(type));
    case 'status':
      return status(values.json ?? false);
    case 'prepare':
      if (values.all) return prepareAll(values.force ?? false);
      return prepareOne(typeFrom(type), values.force ?? false);
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

async function up(type: RegistryType, options: StartOptions, json: boolean): Promise<number> {
  const stopped = options.detached ? undefined : stopSignal();
  const registry = await startRegistry(type, options);
  if (options.detached) remember(registry);
  const { endpoints, source, folder, tls } = registry;
  if (json) {
    const pids = registry.nodes.map((node) => node.pid);
    process.stdout.write(`${JSON.stringify({ type, endpoints, pids, source, folder, tls })}\n`);
  } else {
    process.stdout.write(`${pc.green(type)} ${endpoints.join(',')}\n`);
    say(pc.dim(`from ${source}; data and logs in ${folder}`));
    if (tls) say(pc.dim(`certificates: ${Object.values(tls).join(' ')}`));
    say(pc.dim(options.detached ? `stop it: npm run registries -- down ${type}` : 'Ctrl-C stops it'));
  }
  if (stopped === undefined) return 0;
  await stopped;
  await registry.stop();
  say(`${type} stopped`);
  return 0;
}

async function down(type: RegistryType | undefined): Promise<number> {
  const left = remembered().filter((each) => type === undefined || each.type === type);
  if (left.length === 0) say('nothing was left running');
  for (const each of left) {
    // oxlint-disable-next-line no-await-in-loop -- in order, one line each
    await takeDown(each);
    say(`${each.type} ${each.endpoints.join(',')} stopped`);
  }
  return 0;
}

function status(json: boolean): number {
  const running = remembered();
  const servers = registryTypes.map((type) => ({ type, ...availability(type, { own: true }) }));
  if (json) {
    process.stdout.write(`${JSON.stringify({ running, servers })}\n`);
    return 0;
  }
  for (const { type, endpoints, alive } of running) {
    process.stdout.write(`${type} ${endpoints.join(',')} ${alive ? pc.green('running') : pc.red('ended')}\n`);
  }
  if (running.length === 0) process.stdout.write('nothing was left running\n');
  for (const server of servers) {
    const where = server.available ? `comes from ${server.source}` : pc.yellow(server.reason);
    process.stdout.write(`${server.type}: ${where}\n`);
  }
  return 0;
}

async function prepareOne(type: RegistryType, force: boolean): Promise<number> {
  const source = await prepareRegistry(type, { force });
  say(`${pc.green(type)} comes from ${source}`);
  return 0;
}

async function prepareAll(force: boolean): Promise<number> {
  for (const type of registryTypes) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- each preparation uses every core
      await prepareOne(type, force);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      say(pc.yellow(`WITHOUT ${type.toUpperCase()}: its tests will be skipped. ${message}`));
    }
  }
  return 0;
}

/** Resolves at Ctrl-C or SIGTERM. A second Ctrl-C ends at once; the guardian stops the servers then. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (): void => {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      resolve();
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  });
}

function typeFrom(text: string | undefined): RegistryType {
  const type = registryTypes.find((each) => each === text);
  if (type === undefined) {
    throw new UsageError(
      `a type is needed (${registryTypes.join(', ')})${text === undefined ? '' : `, not ${text}`}`,
    );
  }
  return type;
}

function nodesFrom(text: string | undefined): 1 | 3 {
  if (text === undefined || text === '1') return 1;
  if (text === '3') return 3;
  throw new UsageError(`--nodes is 1 or 3, not ${text}`);
}

function portFrom(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new UsageError(`--port is a number from 1 to 65535, not ${text}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
