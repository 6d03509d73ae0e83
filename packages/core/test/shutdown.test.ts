import { describe, expect, it } from 'vitest';
import { memoryAdapter, type ShutdownStep } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { listedIn, ofType, rig, type Rig, type RigOptions } from './support/rig.ts';

const spec = { service: 'user-service', host: '10.0.0.7', port: 8080 };

/** A handle with one instance listed, and a reader in another process. */
async function serving(options: RigOptions = {}): Promise<Rig> {
  const r = rig(options);
  r.registry.register(spec);
  await r.clock.advance(1);
  expect(listedIn(r.store, 'user-service')).toHaveLength(1);
  return r;
}

async function shutdown({ registry, clock }: Rig, ms = 120_000) {
  const report = registry.shutdown();
  await clock.advance(ms);
  return await report;
}

describe('a shutdown', () => {
  it('takes every step in order, and tells each', async () => {
    const r = await serving();
    const report = await shutdown(r);
    const order: ShutdownStep[] = [
      'drain',
      'deregister',
      'propagate',
      'stop-accepting',
      'finish-work',
      'close',
    ];
    expect(report.steps.map(({ step }) => step)).toEqual(order);
    expect(ofType(r.events, 'shutdown').map(({ step }) => step)).toEqual(order);
    expect(report.clean).toBe(true);
    expect(r.clock.pending).toBe(0);
  });

  it('is out of service before it is gone, and gone before it stops accepting', async () => {
    const r = await serving();
    const seen: string[] = [];
    const reader = r.another();
    reader.service('user-service').subscribe(({ instances }) => {
      seen.push(instances.map(({ status }) => status).join() || 'gone');
    });
    await r.clock.advance(1);
    r.registry.onShutdown({ stopAccepting: () => seen.push('stopped accepting') });
    await shutdown(r);
    expect(seen).toEqual(['UP', 'OUT_OF_SERVICE', 'gone', 'stopped accepting']);
    await reader.close();
  });

  it('goes on serving for as long as the registry takes to tell, where nothing else is configured', async () => {
    const slow = (store: Rig['store']) => {
      const adapter = memoryAdapter({ store });
      return alteredAdapter(adapter, { capabilities: { ...adapter.capabilities, propagationMs: 40_000 } });
    };
    const r = await serving({ adapter: slow });
    let stoppedAt = 0;
    r.registry.onShutdown({ stopAccepting: () => (stoppedAt = r.clock.now()) });
    const began = r.clock.now();
    const report = await shutdown(r);
    expect(stoppedAt - began).toBeGreaterThanOrEqual(40_000);
    expect(report.clean).toBe(true);
  });

  it('goes on serving for the propagation delay', async () => {
    const r = await serving({ config: { shutdown: { propagationDelayMs: 5_000 } } });
    let stoppedAt = 0;
    r.registry.onShutdown({ stopAccepting: () => (stoppedAt = r.clock.now()) });
    const began = r.clock.now();
    await shutdown(r);
    expect(stoppedAt - began).toBeGreaterThanOrEqual(5_000);
    expect(stoppedAt - began).toBeLessThan(5_500);
  });

  it('finishes the work under way, and no longer than its deadline', async () => {
    const r = await serving({ config: { shutdown: { deadlineMs: 10_000, propagationDelayMs: 0 } } });
    let aborted = false;
    r.registry.onShutdown({
      finishWork: (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => (aborted = true));
        }),
    });
    const report = await shutdown(r, 10_001);
    expect(aborted).toBe(true);
    expect(report.clean).toBe(false);
    expect(report.steps.find(({ step }) => step === 'finish-work')?.error?.code).toBe('DEADLINE_EXCEEDED');
    expect(report.steps.at(-1)).toMatchObject({ step: 'close' });
  });

  it('tells what a hook says of the work that it had to cut', async () => {
    const r = await serving({ config: { shutdown: { deadlineMs: 10_000, propagationDelayMs: 0 } } });
    r.registry.onShutdown({
      finishWork: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            r.clock.after(450, () => reject(new Error('3 jobs had to be cut')));
          });
        }),
    });
    const report = await shutdown(r);
    expect(report.steps.find(({ step }) => step === 'finish-work')?.error?.message).toContain(
      '3 jobs had to be cut',
    );
  });

  it('tells hooks when it has been seen to be out of service, and how long there is for the work', async () => {
    const r = await serving({ config: { shutdown: { deadlineMs: 10_000, propagationDelayMs: 3_000 } } });
    const began = r.clock.now();
    let drainedAfter = -1;
    let left = -1;
    let finishedAfter = -1;
    r.registry.onShutdown({
      drained: () => {
        drainedAfter = r.clock.now() - began;
        expect(listedIn(r.store, 'user-service')).toMatchObject([{ status: 'OUT_OF_SERVICE' }]);
        throw new Error('a hook of somebody');
      },
      finishWork: (_signal, leftMs) => {
        [left, finishedAfter] = [leftMs, r.clock.now() - began];
      },
    });
    const report = await shutdown(r);
    expect(drainedAfter).toBeGreaterThanOrEqual(0);
    expect(finishedAfter).toBeGreaterThanOrEqual(3_000);
    // A twentieth is for what the hook says of its deadline.
    expect(left).toBeCloseTo(0.95 * (10_000 - finishedAfter), 6);
    expect(report.clean).toBe(true);
    expect(ofType(r.events, 'warning').map(({ message }) => message)).toContainEqual(
      expect.stringContaining('a hook of somebody'),
    );
  });

  it('leaves a hook out that was taken back', async () => {
    const r = await serving();
    const called: string[] = [];
    const hooks = { stopAccepting: () => called.push('hook') };
    r.registry.onShutdown(hooks);
    const takeBack = r.registry.onShutdown(hooks);
    takeBack();
    takeBack();
    await shutdown(r);
    expect(called).toEqual(['hook']);
  });

  it('is not kept from its end by a hook that throws', async () => {
    const r = await serving();
    const done: string[] = [];
    r.registry.onShutdown({ stopAccepting: () => Promise.reject(new Error('mine')) });
    r.registry.onShutdown({ stopAccepting: () => done.push('other'), finishWork: () => done.push('work') });
    const report = await shutdown(r);
    expect(done).toEqual(['other', 'work']);
    expect(report.clean).toBe(false);
  });

  it('is delayed by a registry that can not be reached for its deadlines only', async () => {
    const r = await serving({
      config: { registry: { requestTimeoutMs: 1_000 }, shutdown: { propagationDelayMs: 0 } },
    });
    r.store.setOutage(true);
    const began = r.clock.now();
    const report = await shutdown(r, 3_200);
    expect(r.clock.now() - began).toBeLessThanOrEqual(3_200 + 1);
    expect(report.steps.filter(({ error }) => error).map(({ step }) => step)).toEqual([
      'drain',
      'deregister',
    ]);
  });

  it('is delayed by a registry that never answers for its deadlines only', async () => {
    const r = await serving({
      config: { registry: { requestTimeoutMs: 1_000 }, shutdown: { propagationDelayMs: 0 } },
      adapter: (store) =>
        alteredAdapter(memoryAdapter({ store }), {
          deregister: () => new Promise(() => {}),
          close: () => new Promise(() => {}),
        }),
    });
    const report = await shutdown(r, 10_000);
    expect(report.steps.filter(({ error }) => error).map(({ step }) => step)).toEqual([
      'deregister',
      'close',
    ]);
    expect(r.clock.pending).toBe(0);
  });

  it('is one, however often it is asked for', async () => {
    const r = await serving();
    expect(r.registry.shutdown()).toBe(r.registry.shutdown());
    await shutdown(r);
  });

  it('with nothing listed waits for nobody', async () => {
    const r = rig();
    const report = await shutdown(r, 0);
    expect(report.clean).toBe(true);
  });
});
