import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/testing/index.ts';
import {
  call,
  entryFiles,
  ids,
  leaseFiles,
  never,
  openAdapter,
  temporaryFolder,
  user,
  users,
} from './folders.ts';

const minute = { ttlMs: 60_000, signal: never };

async function ownerAndOperator(clock?: ManualClock) {
  const dir = temporaryFolder();
  const [owner, operator] = [await openAdapter(dir, clock), await openAdapter(dir, clock)];
  const override = async (weight: number) => operator.override?.(user('7'), { weight }, call);
  const weights = async () => (await operator.discover(users, call)).instances.map(({ weight }) => weight);
  return { dir, owner, operator, override, weights };
}

describe('an override', () => {
  it('stands beside the owner’s file, which stays as it was', async () => {
    const { dir, owner, override, weights } = await ownerAndOperator();
    await owner.register(user('7', { zone: 'eu-1a' }), minute);
    const [name = ''] = entryFiles(dir);
    const path = join(dir, 'default', 'user-service', name);
    const before = readFileSync(path, 'utf8');
    await override(9);
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(entryFiles(dir)).toEqual([name, name.replace('.json', '.over')]);
    expect(await weights()).toEqual([9]);
    expect(leaseFiles(dir)).toHaveLength(1);
    expect(readdirSync(join(dir, '.tmp'))).toEqual([]);
  });

  it('is followed by others, also when the clock stands still', async () => {
    const { owner, override, weights } = await ownerAndOperator(new ManualClock());
    await owner.register(user('7'), minute);
    for (let weight = 2; weight <= 40; weight++) {
      await override(weight);
      expect(await weights()).toEqual([weight]);
    }
  });

  it('gives way to the owner’s next write, also when the clock stands still', async () => {
    const { dir, owner, override, weights } = await ownerAndOperator(new ManualClock());
    await owner.register(user('7'), minute);
    await override(9);
    await owner.register(user('7', { weight: 2 }), minute);
    expect(await weights()).toEqual([2]);
    expect(entryFiles(dir)).toHaveLength(1);
  });

  it('that comes late, after the owner has written again, counts for nothing', async () => {
    const { dir, owner, override, weights } = await ownerAndOperator();
    await owner.register(user('7'), minute);
    await override(9);
    const name = overrideIn(dir);
    const late = readFileSync(join(dir, 'default', 'user-service', name));
    await owner.register(user('7', { weight: 2 }), minute);
    writeFileSync(join(dir, 'default', 'user-service', name), late);
    // As old as one that was read before the owner wrote.
    utimesSync(join(dir, 'default', 'user-service', name), 1, 1);
    expect(await weights()).toEqual([2]);
  });

  it('leaves with the entry, and lists nobody alone', async () => {
    const { dir, owner, operator, override } = await ownerAndOperator();
    await owner.register(user('7'), minute);
    await owner.register(user('8'), minute);
    await override(9);
    const name = overrideIn(dir);
    const path = join(dir, 'default', 'user-service', name);
    const left = readFileSync(path);
    await owner.deregister(user('7'), call);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, left);
    expect(await ids(operator)).toEqual(['8']);
    expect(await operator.listServices('default', call)).toEqual(['user-service']);
    await owner.deregister(user('8'), call);
    expect(await operator.listServices('default', call)).toEqual([]);
  });

  it('that can’t be read is reported, and the owner’s entry counts', async () => {
    const { dir, owner, operator, override, weights } = await ownerAndOperator();
    await owner.register(user('7'), minute);
    await override(9);
    const name = overrideIn(dir);
    writeFileSync(join(dir, 'default', 'user-service', name), 'not json');
    const { skipped } = await operator.discover(users, call);
    expect(skipped.map(({ key }) => key)).toEqual([join(dir, 'default', 'user-service', name)]);
    expect(await weights()).toEqual([1]);
  });
});

function overrideIn(dir: string): string {
  return entryFiles(dir).find((name) => name.endsWith('.over')) ?? 'no override';
}
