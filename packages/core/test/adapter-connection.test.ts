import { expect, it } from 'vitest';
import { AdapterConnection } from '../src/index.ts';

function connectionTo() {
  const ended: string[] = [];
  const connection = new AdapterConnection<{ name: string }>({
    registry: 'Redis',
    end: ({ name }, why) => ended.push(`${name}: ${why.code}`),
  });
  return { connection, ended };
}

it('is what connect made, from open to close', async () => {
  const { connection, ended } = connectionTo();
  expect(() => connection.current).toThrow('the adapter of Redis is not open: call open() first');
  await connection.open(async () => ({ name: 'a' }));
  expect(connection.current).toEqual({ name: 'a' });
  await connection.close();
  await connection.close();
  expect(() => connection.current).toThrow('the adapter of Redis is closed');
  expect(ended).toEqual(['a: CLOSED']);
});

it('opened anew, is another; the one before ends first', async () => {
  const { connection, ended } = connectionTo();
  await connection.open(async () => ({ name: 'a' }));
  const opening = connection.open(async () => ({ name: `b after ${ended.join()}` }));
  expect(() => connection.current).toThrow('is not open');
  await opening;
  expect(connection.current).toEqual({ name: 'b after a: UNAVAILABLE' });
});

it('is none when it could not be made', async () => {
  const { connection, ended } = connectionTo();
  await expect(connection.open(() => Promise.reject(new Error('no route')))).rejects.toThrow('no route');
  expect(() => connection.current).toThrow('is not open');
  await connection.open(async () => ({ name: 'a' }));
  expect(connection.current).toEqual({ name: 'a' });
  expect(ended).toEqual([]);
});

it('closed while it is made, ends once it is', async () => {
  const { connection, ended } = connectionTo();
  let closed: Promise<void> | undefined;
  const opening = connection.open(async () => {
    closed = connection.close();
    return { name: 'late' };
  });
  await expect(opening).rejects.toMatchObject({ code: 'CLOSED' });
  await closed;
  expect(ended).toEqual(['late: CLOSED']);
  expect(() => connection.current).toThrow('is closed');
});
