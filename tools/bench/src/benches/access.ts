import { AccessControl, type AccessRequest, type PolicyInput } from '@rollcall/access';
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { do_not_optimize, measure } from 'mitata';
import { row, type Bench } from '../bench.ts';
import { median } from '../statistics.ts';

const ROLES = 10;
const RULES = 10;
const NAMESPACES = 50;
const DECISION_TARGET_NS = 1_000;

/** Roles with rules for one namespace each; the last one of the last role is for those at home. */
const POLICY: PolicyInput = {
  namespaces: { shared: { mode: 'open' } },
  roles: Object.fromEntries(
    Array.from({ length: ROLES }, (_, role) => [
      `role-${role}`,
      Array.from({ length: RULES }, (_rule, i) => ({
        verbs: ['list', 'watch', 'register'] as const,
        namespaces: role === ROLES - 1 && i === RULES - 1 ? ['{namespace}', 'shared'] : [`ns-${role}-${i}`],
        services: ['api-*', 'users'],
      })),
    ]),
  ),
  subjects: [{ subject: 'bench', roles: Array.from({ length: ROLES }, (_, role) => `role-${role}`) }],
};

export const access: Bench = {
  name: 'access',
  title: 'Deciding who may do what',
  async run({ quick, progress }) {
    const control = await AccessControl.open({ policy: POLICY });
    const home = Array.from({ length: NAMESPACES }, (_, i) => `home-${i}`);
    const principals = home.map((namespace) => control.principalOf('bench', { namespace }));
    const requests = home.map((namespace): AccessRequest => ({
      verb: 'register',
      namespace,
      service: 'users',
    }));
    const away = home.map((): AccessRequest => ({ verb: 'list', namespace: 'shared', service: 'api-7' }));
    const bare = new Set(home.map((namespace) => `register ${namespace} users`));
    let at = 0;
    const next = () => (at = (at + 1) % NAMESPACES);
    const decide = (of: readonly AccessRequest[], shift: number) => () => {
      const i = next();
      const principal = principals[i];
      const request = of[(i + shift) % NAMESPACES];
      if (principal && request) do_not_optimize(control.check(principal, request));
    };
    const askers = {
      bare: () => {
        const request = requests[next()];
        do_not_optimize(request && bare.has(`${request.verb} ${request.namespace} ${request.service}`));
      },
      allowed: decide(requests, 0),
      refused: decide(requests, 1),
      crossing: decide(away, 0),
    };
    progress('timing decisions');
    const ns = await timeInTurns(askers, quick);
    await control.close();
    progress('timing tokens');
    const token = await timeTokens(quick);
    const decision = (what: string, ours: number) =>
      row({
        what,
        unit: 'ns',
        ours,
        peer: { name: 'Set.has', figure: ns.bare },
        target: { text: 'below 1 000 ns', met: ours < DECISION_TARGET_NS },
      });
    return {
      rows: [
        decision('a decision at home: yes', ns.allowed),
        decision('a decision about another namespace: no, and why', ns.refused),
        decision('a decision about an open namespace: yes, and why', ns.crossing),
        row({
          what: 'authenticating by a token that is known',
          unit: 'µs',
          ours: token.known / 1_000,
          peer: { name: 'jose’s jwtVerify', figure: token.verified / 1_000 },
          target: { text: 'less than verifying', met: token.known < token.verified },
        }),
      ],
      notes: [
        `${ROLES} roles of ${RULES} rules each, all held by ${NAMESPACES} principals in turn; the rule that permits is the last.`,
        'Set.has asks a set of all that is allowed by one text made of verb, namespace and service.',
        'The token is signed by ES256. Medians of the medians of rounds that take turns.',
      ],
    };
  },
};

async function timeTokens(quick: boolean): Promise<{ readonly known: number; readonly verified: number }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const server = await serve(
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }),
  );
  const issuer = 'https://id.example';
  const control = await AccessControl.open({
    policy: {
      roles: {},
      tokens: [
        {
          issuer,
          audience: 'bench',
          algorithms: ['ES256'],
          jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        },
      ],
    },
  });
  const text = await new SignJWT({ scope: 'list watch register', jti: 'a'.repeat(32) })
    .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience('bench')
    .setSubject('bench')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  const { signal } = new AbortController();
  const askers = {
    known: async () => do_not_optimize(await control.authenticate(`Bearer ${text}`, signal)),
    verified: async () =>
      do_not_optimize(await jwtVerify(text, publicKey, { issuer, audience: 'bench', algorithms: ['ES256'] })),
  };
  try {
    return await timeInTurns(askers, quick);
  } finally {
    await control.close();
    server.close();
  }
}

async function serve(body: string): Promise<Server> {
  const server = createServer((_request, response) =>
    response.writeHead(200, { connection: 'close' }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Nanoseconds for one call of each. They take turns, so that what else the machine does hits all alike. */
async function timeInTurns<Name extends string>(
  askers: Readonly<Record<Name, () => unknown>>,
  quick: boolean,
): Promise<Record<Name, number>> {
  const names = Object.keys(askers) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < (quick ? 1 : 7); round++) {
    for (const name of names) {
      const { p50 } = await measure(askers[name], { min_cpu_time: quick ? 1e6 : 200e6 });
      taken[name].push(p50);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken[name])])) as Record<Name, number>;
}
