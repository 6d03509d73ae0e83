import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();

const listUsers = async (...ids: readonly string[]): Promise<void> => {
  for (const [n, id] of ids.entries())
    await at.list({ service: 'users', id, host: `10.0.0.${n + 1}`, port: 80 });
};
const seen = async (field: 'status' | 'weight') => {
  const { stdout } = await at.run(['instances', 'users', '--json']);
  const { instances } = JSON.parse(stdout) as {
    instances: { id: string; status: string; weight: number }[];
  };
  return Object.fromEntries(instances.map((one) => [one.id, one[field]]));
};

describe('rollcall drain', () => {
  it('takes an instance of another process out of service, and undrain puts it back', async () => {
    await listUsers('one', 'two');
    const drained = await at.run(['drain', 'users', 'one']);
    expect(drained).toEqual({ code: 0, stdout: '', stderr: 'drained users/one\n' });
    expect(await seen('status')).toEqual({ one: 'OUT_OF_SERVICE', two: 'UP' });
    const back = await at.run(['undrain', 'users', 'one']);
    expect(back).toEqual({ code: 0, stdout: '', stderr: 'back in service: users/one\n' });
    expect(await seen('status')).toEqual({ one: 'UP', two: 'UP' });
  });

  it('with --wait ends when every caller could have seen it', async () => {
    await listUsers('one', 'two');
    const { code, stdout } = await at.run(['drain', 'users', 'one', '--wait', '--json'], {
      env: { ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '1500' },
    });
    expect(code).toBe(0);
    // What callers are given when an instance leaves is more here than what the registry needs.
    expect(JSON.parse(stdout)).toMatchObject({
      namespace: 'default',
      service: 'users',
      changed: [{ id: 'one', status: 'OUT_OF_SERVICE' }],
      unchanged: [],
      unseen: [],
      waitedMs: 1_500,
    });
  });

  it('counts the look of callers that poll', async () => {
    await listUsers('one');
    const { stdout } = await at.run(['drain', 'users', 'one', '--wait', '--json'], {
      env: { ROLLCALL_DISCOVERY_MODE: 'poll', ROLLCALL_DISCOVERY_POLL_INTERVAL_MS: '300' },
    });
    expect(JSON.parse(stdout)).toMatchObject({ waitedMs: 1_300 });
  });

  it('shows at a terminal how long that takes', async () => {
    await listUsers('one', 'two');
    const { code, stdout } = await at.run(['drain', 'users', 'one', '--wait'], { atTerminal: true });
    expect(code).toBe(0);
    expect(stdout).toMatch(/0\.\d s until every caller could have seen it/);
    expect(stdout).toMatch(/every caller could have seen it: 1\.0 s have passed\r\n$/);
  });

  it('of all needs --yes where nobody can be asked, and warns that nobody is left', async () => {
    await listUsers('one', 'two');
    const refused = await at.run(['drain', 'users', '--all']);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      'error drain needs --yes where nobody can be asked\nTry rollcall help drain.\n',
    ]);
    expect(await seen('status')).toEqual({ one: 'UP', two: 'UP' });
    const { code, stderr } = await at.run(['drain', 'users', '--all', '--yes']);
    expect([code, stderr]).toEqual([
      0,
      'drained 2 instances of users\nwarning no instance of users is UP any more: it has nobody to take calls\n',
    ]);
    const back = await at.run(['undrain', 'users', '--all', '--yes']);
    expect([back.code, back.stderr]).toEqual([0, 'back in service: 2 instances of users\n']);
    expect(await seen('status')).toEqual({ one: 'UP', two: 'UP' });
  });

  it('of all asks at a terminal, and takes anything but yes for no', async () => {
    await listUsers('one', 'two');
    const asked = at.start(['drain', 'users', '--all'], { atTerminal: true });
    await asked.shows(/users: one .*users: two .*Drain these 2 instances\? \[y\/N\] /s);
    asked.type('\n');
    expect(await asked.ended).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('nothing was changed'),
    });
    expect(await seen('status')).toEqual({ one: 'UP', two: 'UP' });
    const again = at.start(['drain', 'users', '--all'], { atTerminal: true });
    await again.shows(/Drain these 2 instances\? \[y\/N\] /);
    again.type('y\n');
    expect((await again.ended).code).toBe(0);
    expect(await seen('status')).toEqual({ one: 'OUT_OF_SERVICE', two: 'OUT_OF_SERVICE' });
  });

  it('changes nothing where one of the ids is not listed, and says which are', async () => {
    await listUsers('one', 'two');
    const { code, stderr } = await at.run(['drain', 'users', 'one', 'three']);
    expect([code, stderr]).toEqual([1, 'users has no instance three: listed are one, two\n']);
    expect(await seen('status')).toEqual({ one: 'UP', two: 'UP' });
  });

  it('done twice is the same as once', async () => {
    await listUsers('one', 'two');
    await at.run(['drain', 'users', 'one']);
    const { code, stderr } = await at.run(['drain', 'users', 'one']);
    expect([code, stderr]).toEqual([0, 'users/one is OUT_OF_SERVICE already\n']);
  });

  it('leaves one that is DOWN to its own process', async () => {
    await listUsers('one');
    await at.list({ service: 'users', id: 'two', host: '10.0.0.9', port: 80, status: 'DOWN' });
    const all = await at.run(['drain', 'users', '--all', '--yes']);
    expect(all.code).toBe(0);
    expect(all.stderr).toContain('warning users/two is left as it is: its process says DOWN\n');
    const { code } = await at.run(['undrain', 'users', 'two']);
    expect(code).toBe(1);
    expect(await seen('status')).toEqual({ one: 'OUT_OF_SERVICE', two: 'DOWN' });
  });
});

describe('rollcall weight', () => {
  it('changes the weight of an instance of another process, and nothing else of it', async () => {
    await at.list({
      service: 'users',
      id: 'one',
      host: '10.0.0.1',
      port: 80,
      zone: 'a',
      metadata: { k: 'v' },
    });
    const { code, stderr } = await at.run(['weight', 'users', 'one', '0.25']);
    expect([code, stderr]).toEqual([0, 'weight 1 is now 0.25: users/one\n']);
    const { stdout } = await at.run(['instances', 'users', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      instances: [{ id: 'one', weight: 0.25, status: 'UP', zone: 'a', metadata: { k: 'v' } }],
    });
    const again = await at.run(['weight', 'users', 'one', '0.25', '--json']);
    expect([again.code, JSON.parse(again.stdout)]).toMatchObject([
      0,
      { changed: [], unchanged: [{ id: 'one' }] },
    ]);
  });
});
