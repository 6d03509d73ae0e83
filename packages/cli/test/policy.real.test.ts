import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();

beforeAll(async () => {
  await writeFile(
    join(at.folder, 'policy.yaml'),
    `roles:
  viewer: [{ verbs: [list], namespaces: ['*'] }]
  operator: [{ verbs: [override], namespaces: [payments] }]
  unused: []
namespaces: { payments: { mode: strict } }
subjects: [{ subject: alice, roles: [viewer, operator] }]
`,
  );
});

describe('rollcall policy check', () => {
  it('says that a policy is good, and what is odd', async () => {
    const { code, stdout, stderr } = await at.run(['policy', 'check']);
    expect([code, stdout]).toEqual([
      0,
      'policy.yaml is good: 3 roles, 1 subject, 0 issuers, 0 keys, 0 crossings\n',
    ]);
    expect(stderr).toBe('warning nobody has the role unused\n');
    const json = await at.run(['policy', 'check', 'policy.yaml', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      roles: 3,
      warnings: ['nobody has the role unused'],
    });
  });

  it('tells every mistake with its line, and exit code 2', async () => {
    await writeFile(
      join(at.folder, 'bad.yaml'),
      'roles: { viewer: [{ verbs: [lst], namespaces: [a] }] }\nrolls: {}\n',
    );
    const { code, stderr } = await at.run(['policy', 'check', 'bad.yaml']);
    expect(code).toBe(2);
    expect(stderr).toContain('error Invalid policy, 2 problems:');
    expect(stderr).toMatch(/roles\.viewer\[0\]\.verbs\[0\].*did you mean list\? \(in .*bad\.yaml:1:29\)/);
    expect(stderr).toMatch(/rolls is not a known key: did you mean roles\? \(in .*bad\.yaml:2:1\)/);
  });
});

describe('rollcall policy explain', () => {
  const explain = (...args: string[]) => at.run(['policy', 'explain', '--subject', 'alice', ...args]);

  it('says yes and by which rule, or no and exit code 1', async () => {
    const yes = await explain('--verb', 'override', '--namespace', 'payments', '--service', 'x');
    expect([yes.code, yes.stdout]).toEqual([0, 'yes: roles.operator[0] permits it\n']);
    expect(yes.stderr).toBe('alice has the roles viewer, operator\n');
    const no = await explain('--verb', 'register', '--namespace', 'payments', '--service', 'x', '--json');
    expect(no.code).toBe(1);
    expect(JSON.parse(no.stdout)).toMatchObject({
      allowed: false,
      why: 'no role of alice permits register on payments/x',
      roles: ['viewer', 'operator'],
    });
  });

  it('goes by a home and by roles of a token', async () => {
    const away = await explain(
      '--home',
      'web/shop',
      '--verb',
      'list',
      '--namespace',
      'payments',
      '--service',
      'x',
    );
    expect([away.code, away.stdout]).toEqual([
      1,
      'no: the namespace payments is strict: nobody looks into it from another one\n',
    ]);
    const bob = ['policy', 'explain', '--subject', 'bob', '--verb', 'list', '--service', 'x'];
    expect((await at.run(bob)).code).toBe(1);
    expect((await at.run([...bob, '--role', 'viewer'])).code).toBe(0);
  });

  it('needs to know who and what', async () => {
    expect(await at.run(['policy', 'explain', '--verb', 'list'])).toMatchObject({ code: 2 });
    expect((await explain('--verb', 'lst')).stderr).toContain('--verb: one of list, watch');
    expect((await at.run(['policy', 'explian'])).stderr).toContain('Did you mean explain?');
  });
});

describe('rollcall policy render', () => {
  it('writes commands on standard output, and warnings beside it', async () => {
    const { code, stdout, stderr } = await at.run([
      'policy',
      'render',
      '--registry',
      'etcd',
      '--prefix',
      '/x',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('etcdctl role grant-permission --prefix=true rollcall.alice read /x/\n');
    expect(stdout).not.toContain('warning');
    expect(stderr).toContain('warning the registry knows no owners');
  });

  it('takes passwords from a file, and shows none', async () => {
    await writeFile(join(at.folder, 'passwords.yaml'), 'alice: hunter2\n');
    const args = ['policy', 'render', '--registry', 'zookeeper', '--known', 'a/b', '--passwords'];
    const { code, stdout, stderr } = await at.run([...args, 'passwords.yaml']);
    expect([code, stdout.includes('setAcl /rollcall/a/b auth::cdrwa,digest:alice:')]).toEqual([0, true]);
    await writeFile(join(at.folder, 'passwords.yaml'), 'alice: 123456\n');
    const wrong = await at.run([...args, 'passwords.yaml']);
    expect(wrong.code).toBe(2);
    expect(`${stdout}${stderr}${wrong.stdout}${wrong.stderr}`).not.toMatch(/hunter2|123456/);
  });
});

describe('rollcall policy key create', () => {
  it('shows a key once, alone on standard output, and its hash', async () => {
    const { code, stdout, stderr } = await at.run(['policy', 'key', 'create', 'ci']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rck_ci_[\w-]{43}\n$/);
    expect(stderr).toMatch(/- \{ id: ci, hash: 'sha256:[\da-f]{64}', subject: ci, roles: \[\] \}/);
    const json = JSON.parse((await at.run(['policy', 'key', 'create', 'ci', '--json'])).stdout) as Record<
      string,
      string
    >;
    expect(Object.keys(json)).toEqual(['id', 'key', 'hash']);
    expect(await at.run(['policy', 'key', 'create', 'a b'])).toMatchObject({ code: 2 });
  });
});
