import { describe, expect, it } from 'vitest';
import { SharedAttempt } from '../src/shared-attempt.ts';

/** Attempts that settle when the test says so. */
function harness() {
  const attempts: {
    signal: AbortSignal;
    resolve: (value: number) => void;
    reject: (error: unknown) => void;
  }[] = [];
  const shared = new SharedAttempt(
    (signal) => new Promise<number>((resolve, reject) => attempts.push({ signal, resolve, reject })),
  );
  return { attempts, shared };
}

describe('an attempt that several join', () => {
  it('is made once, and all get its result', async () => {
    const { attempts, shared } = harness();
    const joined = [shared.join(new AbortController().signal), shared.join(new AbortController().signal)];
    attempts[0]?.resolve(7);
    expect(await Promise.all(joined)).toEqual([7, 7]);
    expect(attempts).toHaveLength(1);
  });

  it('goes on when one of them gives up, and is given up with the last', async () => {
    const { attempts, shared } = harness();
    const [one, two] = [new AbortController(), new AbortController()];
    const joined = [shared.join(one.signal), shared.join(two.signal)];
    one.abort(new Error('one'));
    await expect(joined[0]).rejects.toThrow('one');
    expect(attempts[0]?.signal.aborted).toBe(false);
    two.abort(new Error('two'));
    await expect(joined[1]).rejects.toThrow('two');
    expect(attempts[0]?.signal.aborted).toBe(true);
  });

  it('is made anew after it failed, and after it was given up', async () => {
    const { attempts, shared } = harness();
    const failing = shared.join(new AbortController().signal);
    attempts[0]?.reject(new Error('down'));
    await expect(failing).rejects.toThrow('down');
    const impatient = new AbortController();
    const abandoned = shared.join(impatient.signal);
    impatient.abort(new Error('enough'));
    await expect(abandoned).rejects.toThrow('enough');
    const third = shared.join(new AbortController().signal);
    attempts[1]?.resolve(1);
    attempts[2]?.resolve(3);
    expect(await third).toBe(3);
  });

  it('isn’t begun for a signal that has aborted', async () => {
    const { attempts, shared } = harness();
    await expect(shared.join(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(attempts).toHaveLength(0);
  });
});
