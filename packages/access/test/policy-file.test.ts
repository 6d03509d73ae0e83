import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AccessControl, createApiKey, readPolicy, type ReloadOutcome } from '../src/index.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const folder = temporaryFolder();

async function write(text: string, name = 'policy.yaml'): Promise<string> {
  const file = join(await mkdtemp(join(folder.path, 'case-')), name);
  await writeFile(file, text);
  return file;
}

async function problemsOf(text: string, name?: string): Promise<string> {
  const file = await write(text, name);
  const error: unknown = await readPolicy(file).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'RegistryError', code: 'INVALID_CONFIG' });
  return (error as Error).message.replaceAll(file, 'FILE');
}

describe('a policy with mistakes', () => {
  it('is told all of them, each with place, path and what was probably meant', async () => {
    const message = await problemsOf(`
roles:
  viewer: [{ verbs: [lst], namespaces: ['*'] }]
  operator: [{ verb: [list], namespaces: [payments] }]
rolls: {}
namespaces: { payments: { mode: strickt } }
keys: [{ id: a b, hash: rck_ci_secretsecret, subject: ci }]
`);
    expect(message).toMatch(/^Invalid policy, \d problems:/);
    expect(message).toContain('roles.viewer[0].verbs[0] must be one of list, watch');
    expect(message).toContain('did you mean list? (in FILE:3:');
    expect(message).toContain(
      'roles.operator[0].verb is not a known key: did you mean roles.operator[0].verbs?',
    );
    expect(message).toContain('rolls is not a known key: did you mean roles? (in FILE:5:1)');
    expect(message).toContain('namespaces.payments.mode must be one of');
    expect(message).toContain('keys[0].id is refused: must be');
    expect(message).toContain('keys[0].hash must be sha256:');
    expect(message).not.toContain('secretsecret');
  });

  it.each([
    [
      'roles: {}\nsubjects: [{ subject: a, roles: [viewer] }]\n',
      /subjects\[0\]\.roles\[0\] is a role that is not there/,
    ],
    [
      'roles: { viewer: [] }\nanonymous: { roles: [viewr] }\n',
      /anonymous\.roles\[0\].*did you mean viewer\?/,
    ],
    [
      'roles: { constructor: [] }\nanonymous: { roles: [toString] }\n',
      /anonymous\.roles\[0\] is a role that is not there/,
    ],
    [
      'roles: { __proto__: [{ verbs: ["*"], namespaces: ["*"] }] }\n',
      /roles\.__proto__ is not a name that can be used/,
    ],
    ['__proto__: { roles: {} }\nroles: {}\n', /__proto__ is not a name that can be used/],
    ['roles: {}\nroles: {}\n', /the key stands there twice/],
    ['roles: {}', /does not end with a line break: is it whole\?/],
    ['', /is empty/],
    ['\n\n', /is empty/],
    ['roles: &a { b: *a }\n', /holds itself/],
    ['- a\n', /must hold an object/],
    [
      'roles: {}\ntokens: [{ issuer: a, audience: b, algorithms: [none], jwks: x }]\n',
      /algorithms\[0\] must be one of RS256/,
    ],
    [
      'roles: {}\ntokens: [{ issuer: a, audience: b, algorithms: [RS256] }]\n',
      /tokens\[0\]\.jwks is missing/,
    ],
    [
      'roles: {}\ntokens: [{ issuer: a, audience: b, algorithms: [RS256], jwks: "http://id.example/" }]\n',
      /must be https/,
    ],
    [
      'roles: {}\ntokens: [{ issuer: a, audience: b, algorithms: [RS256], jwks: "https://u:p@id.example/" }]\n',
      /credentials/,
    ],
    [
      'roles: {}\ntokens: [{ issuer: a, audience: b, algorithms: [RS256], jwks: "file:///etc/passwd" }]\n',
      /must be https/,
    ],
    [
      `roles: {}\ntokens: [${['a', 'b'].map((issuer) => `{ issuer: ${issuer}, audience: b, algorithms: [RS256], jwks: x.json }`).join(', ')}]\n`,
      /tokens\[1\]\.subjectPrefix is that of another issuer/,
    ],
    [
      `roles: {}\nkeys: [${`{ id: a, subject: a, hash: "sha256:${'0'.repeat(64)}" },`.repeat(2)}]\n`,
      /keys\[1\]\.id is the id of another key/,
    ],
  ])('%j', async (text, expected) => {
    expect(await problemsOf(text)).toMatch(expected);
  });

  it('by another ending, or not there, says what to do', async () => {
    expect(await problemsOf('x', 'policy.ts')).toContain('use .yaml, .yml or .json');
    expect(await problemsOf('{"roles": {}', 'policy.json')).toContain('is not JSON');
    await expect(readPolicy(join(folder.path, 'nowhere.yaml'))).rejects.toThrow(/is the path right/);
  });

  it('with a bomb of aliases, or megabytes, is refused at once', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 0; i < 9; i++) {
      const [from, to] = ['abcdefghij'[i], 'abcdefghij'[i + 1]];
      bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`);
    }
    const begin = performance.now();
    expect(await problemsOf(`${bomb.join('\n')}\n`)).toContain('too many of them');
    expect(await problemsOf(`roles: {}\n#${'x'.repeat(300_000)}\n`)).toContain('more than');
    expect(performance.now() - begin).toBeLessThan(2_000);
    expect('x' in {}).toBe(false);
  });
});

describe('a policy file that changes', () => {
  const policy = (role: string, verbs: string) =>
    `roles: { ${role}: [{ verbs: [${verbs}], namespaces: ['*'] }] }\nsubjects: [{ subject: alice, roles: [${role}] }]\n`;

  async function follow(text: string) {
    const file = await write(text);
    const outcomes: ReloadOutcome[] = [];
    const control = await AccessControl.open({ file, onReload: (outcome) => outcomes.push(outcome) });
    onTestFinished(() => control.close());
    // One and the same for all policies, as a connection has it.
    const alice = control.principalOf('alice');
    const may = (verb: 'list' | 'watch') =>
      control.check(alice, { verb, namespace: 'a', service: 's' }).allowed;
    const told = async (n: number) => await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBe(n);
    return { file, control, outcomes, may, told };
  }

  it('is followed: written in place, moved into place, again and again', async () => {
    const { file, may, told, outcomes } = await follow(policy('viewer', 'list'));
    expect([may('list'), may('watch')]).toEqual([true, false]);
    await writeFile(file, policy('viewer', 'watch'));
    await told(1);
    expect([may('list'), may('watch')]).toEqual([false, true]);
    for (const [i, verb] of (['list', 'watch'] as const).entries()) {
      await writeFile(`${file}.new`, policy('viewer', verb));
      await rename(`${file}.new`, file);
      await told(i + 2);
      expect(may(verb)).toBe(true);
    }
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
  });

  it('is followed through links that are exchanged', async () => {
    const place = await mkdtemp(join(folder.path, 'links-'));
    for (const [version, verb] of [
      ['1', 'list'],
      ['2', 'watch'],
    ] as const) {
      await mkdir(join(place, version));
      await writeFile(join(place, version, 'policy.yaml'), policy('viewer', verb));
    }
    await symlink('1', join(place, 'data'));
    await symlink('data/policy.yaml', join(place, 'policy.yaml'));
    const control = await AccessControl.open({ file: join(place, 'policy.yaml') });
    onTestFinished(() => control.close());
    await symlink('2', join(place, 'data.new'));
    await rename(join(place, 'data.new'), join(place, 'data'));
    await expect
      .poll(() => control.check(control.principalOf('alice'), { verb: 'watch', namespace: 'a' }).allowed, {
        timeout: 10_000,
      })
      .toBe(true);
  });

  it('stays as it was when the new one is bad, or gone, and tells it once', async () => {
    const { file, may, told, outcomes } = await follow(policy('viewer', 'list'));
    await writeFile(file, 'roles: { viewer: [{ verbs: [everything], namespaces: [a] }] }\n');
    await told(1);
    expect(outcomes[0]).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('roles.viewer[0].verbs[0]') as string },
    });
    await rm(file);
    await told(2);
    expect(may('list')).toBe(true);
    await writeFile(file, policy('viewer', 'watch'));
    await told(3);
    expect(may('watch')).toBe(true);
  });

  it('is not taken while it is being written', async () => {
    const whole = policy('viewer', 'list, watch');
    const { file, may, told, outcomes } = await follow(policy('viewer', 'list'));
    const writer = await open(file, 'w');
    // Truncated, then line by line, each of them less than the time that it is given to settle.
    await writer.write(whole.split('\n')[0] ?? '');
    await writer.write(`\n${whole.split('\n')[1]}\n`);
    await writer.close();
    await told(1);
    expect(outcomes[0]).toMatchObject({ ok: true });
    expect(may('watch')).toBe(true);
    await writeFile(file, whole.slice(0, -5));
    await told(2);
    expect(outcomes[1]).toMatchObject({ ok: false });
    expect(may('watch')).toBe(true);
  });

  it('takes back what it gave: a role, a key', async () => {
    const { key, hash } = createApiKey('ci');
    const withKey = (roles: string, keys: string) =>
      `roles: { viewer: [{ verbs: [list], namespaces: ['*'] }], other: [] }\nkeys: [${keys.replace('ROLES', roles)}]\n`;
    const entry = `{ id: ci, subject: ci, hash: '${hash}', roles: [ROLES] }`;
    const { file, control, told } = await follow(withKey('viewer', entry));
    const principal = await control.authenticate(`Bearer ${key}`, AbortSignal.timeout(1_000));
    const ask = () => control.check(principal, { verb: 'list', namespace: 'a' });
    expect(ask().allowed).toBe(true);
    await writeFile(file, withKey('other', entry));
    await told(1);
    expect(ask().allowed).toBe(false);
    await writeFile(file, withKey('viewer', entry));
    await told(2);
    expect(ask().allowed).toBe(true);
    await writeFile(file, withKey('', ''));
    await told(3);
    expect(ask()).toMatchObject({ allowed: false, why: expect.stringContaining('no longer') as string });
    await expect(control.authenticate(`Bearer ${key}`, AbortSignal.timeout(1_000))).rejects.toMatchObject({
      reason: 'api-key',
    });
  });
});
