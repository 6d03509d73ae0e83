import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SkippedEntry } from '../../src/index.ts';
import { call, leaseFiles, never, openAdapter, temporaryFolder, user, users } from './folders.ts';

/** Lists a service with one good entry and what `plant` puts beside it. */
async function listWith(plant: (folder: string, lease: string) => void): Promise<readonly SkippedEntry[]> {
  const dir = temporaryFolder();
  const adapter = await openAdapter(dir);
  await adapter.register(user('good'), { ttlMs: 60_000, signal: never });
  plant(join(dir, 'default', 'user-service'), leaseFiles(dir)[0] ?? '');
  const { instances, skipped } = await adapter.discover(users, call);
  expect(instances.map(({ id }) => id)).toEqual(['good']);
  return skipped;
}

describe('a file that is no entry is skipped and reported', () => {
  it.each([
    ['torn', '{"host":"10.0.0.', /not JSON/],
    ['empty', '', /not JSON/],
    ['of another shape', '[1]', /not a JSON object/],
    ['without a port', '{"host":"h"}', /port/],
    ['not text', Buffer.from([0xff, 0xfe]), /UTF-8/],
    ['oversized', `"${'x'.repeat(1_100_000)}"`, /limit is 1048576/],
  ])('%s', async (_what, content, reason) => {
    const skipped = await listWith((folder, lease) =>
      writeFileSync(join(folder, `bad@${lease}.json`), content),
    );
    expect(skipped).toEqual([
      { key: expect.stringMatching(/user-service\/bad@.*\.json$/u), reason: expect.stringMatching(reason) },
    ]);
  });

  it.each(['README.txt', 'bad.json', 'bad%2f@abcdefghi.json', '@abcdefghi.json', 'bad@abc.json'])(
    'named by somebody else: %s',
    async (name) => {
      const skipped = await listWith((folder) => writeFileSync(join(folder, name), '{"host":"h","port":1}'));
      expect(skipped).toEqual([
        { key: expect.stringContaining(name), reason: expect.stringContaining('named') },
      ]);
    },
  );

  it('a symbolic link, even to a good entry', async () => {
    const skipped = await listWith((folder, lease) => {
      const outside = join(folder, '..', '..', '..', `${lease}-outside.json`);
      symlinkSync(outside, join(folder, `bad@${lease}.json`));
    });
    expect(skipped).toEqual([{ key: expect.any(String), reason: expect.stringContaining('symbolic link') }]);
  });

  it('a pipe, without waiting for its writer', async () => {
    const skipped = await listWith((folder, lease) =>
      execFileSync('mkfifo', [join(folder, `bad@${lease}.json`)]),
    );
    expect(skipped).toEqual([
      { key: expect.any(String), reason: expect.stringContaining('not a regular file') },
    ]);
  });

  it('an entry under a lease file that is none', async () => {
    const skipped = await listWith((folder) => {
      writeFileSync(join(folder, '..', '..', '.leases', 'aaaaaaaaa'), 'hello');
      writeFileSync(join(folder, 'bad@aaaaaaaaa.json'), '{"host":"h","port":1}');
    });
    expect(skipped).toEqual([{ key: expect.any(String), reason: expect.stringContaining('lease') }]);
  });
});

describe('what is not meant as an entry is passed over', () => {
  it('folders and dot files', async () => {
    const skipped = await listWith((folder) => {
      mkdirSync(join(folder, 'sub'));
      writeFileSync(join(folder, '.DS_Store'), 'x');
    });
    expect(skipped).toEqual([]);
  });
});

describe('a service folder that is a link', () => {
  it('is refused, for reading and for writing', async () => {
    const [dir, outside] = [temporaryFolder(), temporaryFolder()];
    const adapter = await openAdapter(dir);
    mkdirSync(join(dir, 'default'));
    symlinkSync(outside, join(dir, 'default', 'user-service'));
    await expect(adapter.discover(users, call)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(adapter.register(user('7'), { ttlMs: 60_000, signal: never })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('not a folder'),
    });
  });
});
