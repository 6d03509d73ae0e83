import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();
const ESCAPE = '\u{1b}';

describe('rollcall watch into a pipe', () => {
  it('writes one line for each event, the time first, and ends on Ctrl-C with code 0', async () => {
    await at.list({ service: 'users', id: 'one', host: '10.0.0.1', port: 80 });
    const watch = at.start(['watch', 'users']);
    await watch.shows(/\+ one 10\.0\.0\.1:80 UP weight=1\n/);
    const registration = at.registry().register({ service: 'users', id: 'two', host: '10.0.0.2', port: 80 });
    await watch.shows(/\+ two /);
    await registration.update({ weight: 5 });
    await watch.shows(/~ two 10\.0\.0\.2:80 UP weight=5\n/);
    await registration.deregister();
    await watch.shows(/- two /);
    watch.kill('SIGINT');
    const { code, stdout, stderr } = await watch.ended;
    expect([code, stderr]).toEqual([0, '']);
    for (const line of stdout.trimEnd().split('\n'))
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z [+~!-] \S/);
    expect(stdout).not.toContain(ESCAPE);
  });

  it('writes one JSON object a line with --json, and ends on SIGTERM with code 0 too', async () => {
    await at.list({ service: 'users', id: 'one', host: '10.0.0.1', port: 80 });
    const watch = at.start(['watch', 'users', '--json']);
    await watch.shows(/"event":"list"/);
    await at.list({ service: 'users', id: 'two', host: '10.0.0.2', port: 80 });
    await watch.shows(/"id":"two"/);
    await watch.shows(/"event":"list".*"event":"list"/s);
    watch.kill('SIGTERM');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; instance?: { id: string }; instances?: number });
    const told = events.map(({ event, instance, instances }) => [event, instance?.id ?? instances]);
    expect(told.filter(([event]) => event !== 'live')).toEqual([
      ['listed', 'one'],
      ['list', 1],
      ['listed', 'two'],
      ['list', 2],
    ]);
  });

  it('says that nobody is listed', async () => {
    const watch = at.start(['watch', 'nobody']);
    await watch.shows(/! no instance is listed\n/);
    watch.kill('SIGINT');
    expect((await watch.ended).code).toBe(0);
  });
});

describe('rollcall watch at a terminal', () => {
  it('draws a table in place, marks what changed, and leaves the last one behind', async () => {
    await at.list({
      service: 'users',
      id: 'one',
      host: '10.0.0.1',
      port: 80,
      metadata: { evil: `${ESCAPE}c` },
    });
    const watch = at.start(['watch', 'users'], { atTerminal: true, env: { NO_COLOR: '1' } });
    await watch.shows(/users {2}1 instance: 1 UP.*live, confirmed just now.*one/s);
    const registration = at.registry().register({ service: 'users', id: 'two', host: '10.0.0.2', port: 80 });
    await watch.shows(/\+ {2}two/);
    await registration.update({ status: 'DOWN' });
    await watch.shows(/2 instances: 1 UP, 1 DOWN.*~ {2}two/s);
    await registration.deregister();
    await watch.shows(/- {2}two/);
    watch.type('\u{3}');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    const [, left = ''] = stdout.split(`${ESCAPE}[?1049l`);
    expect(left).toContain('users  1 instance: 1 UP');
    expect(left).toContain('evil=\\x1bc');
    expect(left).not.toContain('two');
    // The cursor is back, and nothing of the instance reached the terminal as an order.
    expect(stdout).toContain(`${ESCAPE}[?25h`);
    expect(stdout).not.toContain(`${ESCAPE}c`);
  });
});
