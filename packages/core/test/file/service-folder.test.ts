import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Layout } from '../../src/file/layout.ts';
import { LeaseBook } from '../../src/file/lease-book.ts';
import { ServiceFolder } from '../../src/file/service-folder.ts';
import { leaseFiles, never, openAdapter, temporaryFolder, user, users } from './folders.ts';

describe('a look that believes the time stamp of the folder', () => {
  it('sees every change, though several leave one stamp', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const layout = new Layout(dir);
    const folder = new ServiceFolder(users, layout, new LeaseBook(layout, systemClock));
    await adapter.register(user('0'), { ttlMs: 60_000, signal: never });
    const lease = leaseFiles(dir)[0];
    // Straight into the folder: faster than the ticks of the clock that the stamps are taken from.
    for (let i = 1; i <= 300; i++) {
      writeFileSync(join(layout.serviceFolder(users), `${i}@${lease}.json`), '{"host":"h","port":1}');
      const { list } = await folder.look(never, false);
      expect(list.instances).toHaveLength(i + 1);
    }
  });

  it('hands out the same list when nothing changed', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('0'), { ttlMs: 60_000, signal: never });
    const layout = new Layout(dir);
    const folder = new ServiceFolder(users, layout, new LeaseBook(layout, systemClock));
    // As soon as the stamp of the folder is old enough to be believed.
    await vi.waitFor(async () => {
      const { list } = await folder.look(never, false);
      expect((await folder.look(never, false)).list).toBe(list);
    }, 5_000);
  });
});
