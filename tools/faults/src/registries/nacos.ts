import { setTimeout as pause } from 'node:timers/promises';
import { nacosAdapter } from '@rollcall/nacos';
import { startRegistry } from '@rollcall-tools/registries';
import { askHttp } from '../ask-http.ts';
import { newPassword } from '../new-password.ts';
import type { Power, RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer } from './first-server.ts';

const { crashSlackMs, propagationMs, ttlRangeMs } = nacosAdapter().capabilities;

const USER = 'nacos';
/** How long a token is good for. Nacos’ own default is five hours. */
const TOKEN_S = 5;
const NEEDS_USERS: ReadonlySet<Power> = new Set(['lockOut', 'letIn', 'rotate']);
/** Servers read their table of users every 15 s. */
const USERS_READ_WITHIN_MS = 40_000;

interface Secrets {
  readonly ours: string;
  readonly another: string;
}

export const nacos: RegistryKind = {
  type: 'nacos',
  crashSlackMs,
  // The adapter connects when it is asked to, and pauses never.
  reconnectMs: 0,
  electionMs: 0,
  seenMs: propagationMs,
  // A server that has just started takes so many connections slowly.
  fillMs: 7_000,
  ports: [
    { offset: 0, wire: 'http' },
    { offset: 1_000, wire: 'grpc' },
  ],
  refusal: { code: 'UNAUTHENTICATED', names: /password/u, afterMs: TOKEN_S * 1_000 },
  // The server decides: a connection that is silent for so long is dead.
  settings: { ttlMs: ttlRangeMs.max },
  lacks: {
    disk: 'in memory only',
    killLeader: 'one server here',
    remove: 'only its client can',
    removeFromCatalog: 'one place only',
  },
  start: ({ needs }) => {
    const secrets = { ours: newPassword(), another: newPassword() };
    // Users take Nacos another 15 s.
    return start(
      secrets,
      needs.some((power) => NEEDS_USERS.has(power)),
    );
  },
};

async function start(secrets: Secrets, hasUsers: boolean): Promise<RegistryUnderTest> {
  const servers = await inTime(() =>
    startRegistry('nacos', {
      own: true,
      ...(hasUsers && {
        auth: { rootPassword: secrets.ours },
        flags: [`nacos.core.auth.plugin.nacos.token.expire.seconds=${TOKEN_S}`],
      }),
    }),
  );
  const [first] = servers.nodes;
  if (!first) throw new Error('nacos was started without a node');
  const root = `${first.endpoint}/nacos/v3`;
  const logIn = async (password: string): Promise<string> => {
    const body = new URLSearchParams({ username: USER, password });
    const answer = await askHttp(`${root}/auth/user/login`, { method: 'POST', body });
    return (answer as { readonly accessToken: string }).accessToken;
  };
  const ask = async (method: 'GET' | 'POST', path: string, query: Record<string, string>) => {
    const token = hasUsers ? await logIn(secrets.ours) : undefined;
    const headers = { ...(token !== undefined && { accessToken: token }) };
    const answer = await askHttp(`${root}/${path}?${new URLSearchParams(query).toString()}`, {
      method,
      headers,
    });
    return (answer as { readonly data: unknown }).data;
  };
  /** Resolves when the server takes the one and not the other. */
  const changePassword = async (from: string, to: string): Promise<void> => {
    const body = new URLSearchParams({ username: USER, newPassword: to });
    await askHttp(`${root}/auth/user`, { method: 'PUT', headers: { accessToken: await logIn(from) }, body });
    const isTaken = (password: string) =>
      logIn(password).then(
        () => true,
        () => false,
      );
    const deadline = performance.now() + USERS_READ_WITHIN_MS;
    while (!(await isTaken(to)) || (await isTaken(from))) {
      if (performance.now() > deadline) throw new Error('nacos did not take the other password');
      await pause(200);
    }
  };
  const hosts = async (service: string) =>
    (await ask('GET', 'client/ns/instance/list', { serviceName: service })) as {
      readonly ip: string;
      readonly port: number;
      readonly metadata: Readonly<Record<string, string>>;
    }[];
  const idOf = ({ metadata }: { readonly metadata: Readonly<Record<string, string>> }): string =>
    metadata['rollcall.id'] ?? '';

  return {
    port: Number(new URL(first.endpoint).port),
    secrets: Object.values(secrets),
    client: (port) => ({
      type: 'nacos',
      options: {
        servers: port === undefined ? [...servers.endpoints] : [`http://127.0.0.1:${port}`],
        ...(hasUsers && { username: USER, password: secrets.ours }),
      },
    }),
    // While a client moves to another connection it is there twice, so that no reader sees a gap.
    listed: async (service) => [...new Set((await hosts(service)).map(idOf))],
    ...firstServer(first),
    restart: (options) => inTime(() => first.restart(options)),
    startTwin: () => start(secrets, hasUsers),
    operator: {
      // The connection that it hangs on is sent away.
      async endLease(service, id) {
        const host = (await hosts(service)).find((each) => idOf(each) === id);
        if (!host) throw new Error(`nacos lists no ${id}`);
        const query = { serviceName: service, ip: host.ip, port: String(host.port) };
        const publishers = await ask('GET', 'admin/ns/client/service/publisher/list', query);
        for (const { clientId } of publishers as { readonly clientId: string }[])
          await ask('POST', 'admin/core/loader/reloadClient', { connectionId: clientId });
      },
      lockOut: () => changePassword(secrets.ours, secrets.another),
      letIn: () => changePassword(secrets.another, secrets.ours),
      // Each token ends after some seconds, and another is given for the password.
      rotate: () => Promise.resolve(),
    },
    stop: () => servers.stop(),
  };
}

/** Nacos gives its own database 10 s to start, and ends when a busy machine takes longer. */
async function inTime<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- another try is for when this one failed
      return await attempt();
    } catch (error) {
      const isLate = error instanceof Error && error.message.includes('Login timeout exceeded');
      if (!isLate || tries === START_TRIES) throw error;
    }
  }
}

const START_TRIES = 3;
