import { RegistryError } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { Publication, type Published } from '../src/publication.ts';
import type { WireInstance } from '../src/wire-instance.ts';

const entry = (port: number): WireInstance => ({
  ip: '10.0.0.7',
  port,
  weight: 1,
  healthy: true,
  clusterName: 'DEFAULT',
  metadata: {},
});

const call = (signal: AbortSignal = new AbortController().signal) => ({ doing: 'change it', signal });

/** A publication whose requests are kept until they are let go. */
function publication() {
  const sent: { readonly ids: string[]; settle: (error?: RegistryError) => void }[] = [];
  const made = new Publication(
    (published: Published) =>
      new Promise((resolve, reject) => {
        sent.push({ ids: [...published.keys()], settle: (error) => (error ? reject(error) : resolve()) });
      }),
  );
  const next = async (nth: number) => {
    await expect.poll(() => sent.length, { interval: 1 }).toBe(nth);
    return sent[nth - 1] ?? { ids: [], settle: () => {} };
  };
  return { made, next, sent };
}

describe('what a connection lists of a service', () => {
  it('is sent whole; what is asked for meanwhile goes together with the next request', async () => {
    const { made, next, sent } = publication();
    const first = made.change('a', entry(1), call());
    const one = await next(1);
    const others = [made.change('b', entry(2), call()), made.change('c', entry(3), call())];
    const leave = made.change('a', undefined, call());
    one.settle();
    await first;
    const two = await next(2);
    expect([one.ids, two.ids]).toEqual([['a'], ['b', 'c']]);
    two.settle();
    await Promise.all([...others, leave]);
    expect(sent).toHaveLength(2);
  });

  it('stays as it was when Nacos doesn’t take a change', async () => {
    const { made, next } = publication();
    const kept = made.change('a', entry(1), call());
    (await next(1)).settle();
    await kept;
    const failed = made.change('b', entry(2), call());
    (await next(2)).settle(new RegistryError('UNAVAILABLE', 'down'));
    await expect(failed).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const later = made.change('c', entry(3), call());
    const last = await next(3);
    expect(last.ids).toEqual(['a', 'c']);
    last.settle();
    await later;
  });

  it('loses nothing to one that Nacos refuses: then each goes alone', async () => {
    const { made, next } = publication();
    const [good, bad] = [made.change('good', entry(1), call()), made.change('bad', entry(2), call())];
    const refusal = new RegistryError('INVALID_ARGUMENT', 'bad');
    const outcome = Promise.allSettled([good, bad]);
    (await next(1)).settle(refusal);
    (await next(2)).settle();
    (await next(3)).settle(refusal);
    expect(await outcome).toMatchObject([{ status: 'fulfilled' }, { reason: refusal }]);
    expect(made.has('good')).toBe(true);
    await expect.poll(() => made.has('bad'), { interval: 1 }).toBe(false);
  });

  it('is not changed by who gave up before it was sent', async () => {
    const { made, next, sent } = publication();
    const first = made.change('a', entry(1), call());
    const one = await next(1);
    const abort = new AbortController();
    const second = made.change('b', entry(2), call(abort.signal));
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(made.change('c', entry(3), call(abort.signal))).rejects.toMatchObject({ code: 'ABORTED' });
    one.settle();
    await first;
    await expect.poll(() => made.has('b'), { interval: 1 }).toBe(false);
    expect(sent).toHaveLength(1);
  });
});
