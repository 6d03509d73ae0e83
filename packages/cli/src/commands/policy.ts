import { DEFAULT_NAMESPACE, didYouMean } from '@rollcall/core';
import type { AccessRequest, NativeRegistry, PolicyDocument, Verb } from '@rollcall/access';
import type { Command } from '../command.ts';
import type { ParsedLine } from '../command-line.ts';
import { EXIT } from '../exit-codes.ts';
import { count, print, printJson, say, warn } from '../output.ts';
import { printable } from '../printable.ts';
import { UsageError } from '../usage-error.ts';

/** The file where the line names none. */
const DEFAULT_FILE = 'policy.yaml';

export const policy: Command = {
  name: 'policy',
  summary: 'Checks, explains and renders an access policy; makes API keys',
  operands: 'check|explain|render [FILE], or key create ID',
  arity: { min: 1, max: 3 },
  needsRegistry: false,
  options: {
    subject: {
      type: 'string',
      value: 'SUBJECT',
      says: 'who asks; with render, an account beside those of the policy',
    },
    role: {
      type: 'string',
      multiple: true,
      value: 'ROLE',
      says: 'a role that their token or key gives. Repeatable',
    },
    home: { type: 'string', value: 'NS[/SERVICE]', says: 'where they belong' },
    verb: {
      type: 'string',
      value: 'VERB',
      says: 'explain: list, watch, register, deregister, override, admin',
    },
    namespace: { type: 'string', value: 'NS', says: `explain: in which namespace (${DEFAULT_NAMESPACE})` },
    service: { type: 'string', value: 'SERVICE', says: 'explain: to which service; else the namespace' },
    owner: { type: 'string', value: 'SUBJECT', says: 'explain: who registered the instance' },
    registry: { type: 'string', value: 'TYPE', says: 'render: etcd, consul, zookeeper, nacos, nacos2' },
    prefix: { type: 'string', value: 'PATH', says: 'render: what keys and paths start with (/rollcall)' },
    known: {
      type: 'string',
      multiple: true,
      value: 'NS[/SERVICE]',
      says: 'render: one that there is, where the policy has only a pattern. Repeatable',
    },
    passwords: {
      type: 'string',
      value: 'FILE',
      says: 'render: passwords by subject, YAML or JSON, for zookeeper',
    },
  },
  details: `
  rollcall policy check policy.yaml
  rollcall policy explain --subject alice --verb override --namespace payments --service ledger
  rollcall policy explain --subject workload:7 --home orders/cart --verb list --namespace billing --service ledger
  rollcall policy render --registry etcd > apply.sh
  rollcall policy key create ci

FILE is ${DEFAULT_FILE} when it is left out. check tells every mistake with its line. explain says what the policy comes to, and
which rule makes it so; exit code 1 when it is no. render writes the commands that give a registry the same rules as its own
access lists, and warns of what those can't say. key create shows the key once, and the hash of it for the policy.
`,
  run: async (line) => {
    const [action = '', ...rest] = line.operands;
    const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (run) return await run(line, rest);
    const near = didYouMean(action, Object.keys(ACTIONS));
    throw usage(
      `policy does ${Object.keys(ACTIONS).join(', ')}, not ${action}${near === undefined ? '' : `. Did you mean ${near}?`}`,
    );
  },
};

const ACTIONS = { check, explain, render, key } satisfies Record<
  string,
  (line: ParsedLine, operands: readonly string[]) => Promise<number>
>;

async function check(line: ParsedLine, operands: readonly string[]): Promise<number> {
  const file = fileOf('check', operands);
  const { AccessControl, readPolicy } = await import('@rollcall/access');
  const document = await readPolicy(file);
  const odd = oddities(document);
  // Keys and secrets of issuers may be on another machine: here it is enough to say so.
  await AccessControl.open({ file }).then(
    (control) => control.close(),
    (error: unknown) => odd.push(error instanceof Error ? error.message : String(error)),
  );
  if (line.flag('json')) printJson({ ok: true, file, ...sizes(document), warnings: odd });
  else {
    const parts = Object.entries(sizes(document)).map(([what, n]) => count(n, what.slice(0, -1)));
    print(printable(`${file} is good: ${parts.join(', ')}`));
    for (const warning of odd) warn(warning);
  }
  return EXIT.ok;
}

function sizes({ roles, subjects, tokens, keys, allow }: PolicyDocument) {
  return {
    roles: Object.keys(roles).length,
    subjects: subjects.length,
    issuers: tokens.length,
    keys: keys.length,
    crossings: allow.length,
  };
}

/** What is right and yet may not be meant. */
function oddities({ roles, subjects, tokens, keys, anonymous }: PolicyDocument): string[] {
  const given = new Set(
    [...subjects, ...keys, ...(anonymous ? [anonymous] : [])].flatMap((one) => one.roles),
  );
  const byTokens = tokens.some((issuer) => issuer.claims.roles !== undefined);
  const unused = Object.keys(roles).filter((role) => !given.has(role) && !byTokens);
  const past = keys.filter(({ expires }) => expires !== undefined && Date.parse(expires) <= Date.now());
  const loose = (anonymous?.roles ?? []).filter((role) =>
    (roles[role] ?? []).some(({ verbs }) => verbs.some((verb) => verb !== 'list' && verb !== 'watch')),
  );
  return [
    ...unused.map((role) => `nobody has the role ${role}`),
    ...past.map(({ id }) => `the key ${id} has expired`),
    ...loose.map((role) => `everybody may change what is listed: anonymous has the role ${role}`),
  ];
}

async function explain(line: ParsedLine, operands: readonly string[]): Promise<number> {
  const file = fileOf('explain', operands);
  const { explain: decide, readPolicy, VERBS } = await import('@rollcall/access');
  const subject = line.text('subject');
  if (subject === undefined) throw usage('policy explain needs --subject');
  const verb = line.text('verb');
  const isVerb = (text: string | undefined): text is Verb => VERBS.some((one) => one === text);
  if (!isVerb(verb)) throw usage(`policy explain needs --verb: one of ${VERBS.join(', ')}`);
  const home = homeOf(line.text('home'));
  const service = line.text('service');
  const owner = line.text('owner');
  const request: AccessRequest = {
    verb,
    namespace: line.text('namespace') ?? DEFAULT_NAMESPACE,
    ...(service !== undefined && { service }),
    ...(owner !== undefined && { owner }),
  };
  const roles = line.texts('role');
  const { only, ...decision } = decide(
    await readPolicy(file),
    { subject, roles, ...(home && { home }) },
    request,
  );
  if (line.flag('json')) {
    const who = { subject, ...(home && { home }) };
    printJson({ ...decision, ...(only && { some: true }), ...who, request });
  } else {
    const some = only ? ', some instances only' : '';
    print(printable(`${decision.allowed ? `yes${some}` : 'no'}: ${decision.why}`));
    say(
      `${printable(subject)} has ${decision.roles.length === 0 ? 'no role' : `the roles ${decision.roles.join(', ')}`}`,
    );
  }
  return decision.allowed ? EXIT.ok : EXIT.failed;
}

async function render(line: ParsedLine, operands: readonly string[]): Promise<number> {
  const file = fileOf('render', operands);
  const { NATIVE_REGISTRIES, readPasswords, readPolicy, renderPolicy, shellLines } =
    await import('@rollcall/access');
  const registry = line.text('registry');
  const isNative = (text: string | undefined): text is NativeRegistry =>
    NATIVE_REGISTRIES.some((one) => one === text);
  if (!isNative(registry))
    throw usage(`policy render needs --registry: one of ${NATIVE_REGISTRIES.join(', ')}`);
  const subject = line.text('subject');
  const home = homeOf(line.text('home'));
  const prefix = line.text('prefix');
  const passwordFile = line.text('passwords');
  const native = renderPolicy(await readPolicy(file), registry, {
    accounts: subject === undefined ? [] : [{ subject, roles: line.texts('role'), ...(home && { home }) }],
    known: line.texts('known'),
    ...(prefix !== undefined && { prefix }),
    ...(passwordFile !== undefined && { passwords: await readPasswords(passwordFile) }),
  });
  for (const warning of native.warnings) warn(warning);
  if (line.flag('json')) printJson(native);
  else for (const text of shellLines(native)) print(printable(text));
  return EXIT.ok;
}

function homeOf(text: string | undefined): { namespace: string; service?: string } | undefined {
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  if (slash === -1) return { namespace: text };
  return { namespace: text.slice(0, slash), service: text.slice(slash + 1) };
}

async function key(line: ParsedLine, [what, id, ...more]: readonly string[]): Promise<number> {
  if (what !== 'create' || id === undefined || more.length > 0) throw usage('policy key needs create ID');
  if (!/^[a-zA-Z\d.-]{1,64}$/.test(id)) throw usage('the ID of a key has 1 to 64 letters, digits, . and -');
  const { createApiKey } = await import('@rollcall/access');
  const made = createApiKey(id);
  if (line.flag('json')) printJson({ id, ...made });
  else {
    print(made.key);
    say('This is the key; nobody can show it again. For keys in the policy:');
    say(`  - { id: ${id}, hash: '${made.hash}', subject: ${id}, roles: [] }`);
  }
  return EXIT.ok;
}

function fileOf(action: string, [file = DEFAULT_FILE, ...more]: readonly string[]): string {
  if (more.length > 0) throw usage(`policy ${action} takes one FILE, not also ${more.join(' ')}`);
  return file;
}

function usage(message: string): UsageError {
  return new UsageError(message, 'policy');
}
