import assert from 'node:assert/strict';
import type { Lease, ServiceInstance } from '@rollcall/core';
import type { Client } from '../client.ts';
import { firstLayout, aCrash, aLeaseToRenew, power, watching, type PromiseGroup } from '../promise.ts';
import type { Trial } from '../trial.ts';
import { eventually } from '../waiting.ts';

export const dying: PromiseGroup = {
  title: 'proof of life',
  promises: [
    {
      title: 'a crashed process is gone within its TTL and the stated slack, its sibling stays',
      needs: [aCrash],
      async test(trial) {
        const key = trial.service();
        const { setting } = trial;
        const [victim, sibling, reader] = [await trial.client(), await trial.client(), await trial.client()];
        const [dead, alive] = [trial.instance(key, 'dead'), trial.instance(key, 'alive')];
        const lease = await victim.register(dead, setting.ttlMs);
        await sibling.register(alive, setting.ttlMs);
        await reader.sees(key, [dead, alive]);
        await victim.crash();
        await eventually('the crashed instance is gone', setting.goneMs(lease), async () => {
          const { instances } = await reader.discover(key);
          const ids = new Set(instances.map(({ id }) => id));
          if (!ids.has('alive')) throw new Error('the sibling of a crashed process left the list');
          assert.ok(!ids.has('dead'), 'the crashed instance is still listed');
        });
      },
    },
    {
      title: 'a watcher is told of a crash within the TTL and the stated slack',
      needs: [firstLayout, aCrash, watching],
      async test(trial) {
        const key = trial.service();
        const [victim, reader] = [await trial.client(), await trial.client()];
        const lease = await victim.register(trial.instance(key, 'dead'), trial.setting.ttlMs);
        const follower = reader.follow(key);
        await follower.until('the instance', trial.setting.visibleMs, () =>
          assert.equal(follower.instances.size, 1),
        );
        await victim.crash();
        await follower.until('the crash', trial.setting.goneMs(lease), () =>
          assert.equal(follower.instances.size, 0, 'the crashed instance is still listed'),
        );
      },
    },
    {
      title: 'a process that beats stays listed past two TTLs',
      needs: [firstLayout],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        const lease = await writer.register(instance, trial.setting.ttlMs);
        await reader.sees(key, [instance]);
        const end = performance.now() + 2.5 * lease.ttlMs + trial.setting.capabilities.crashSlackMs;
        while (performance.now() < end) {
          const { instances } = await reader.discover(key);
          assert.equal(instances.length, 1, 'the instance left the list while its process was alive');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.deepEqual(writer.beatFailures, []);
      },
    },
    {
      title: 'a lease that wants beats has a renew method, and it resolves',
      needs: [firstLayout, aLeaseToRenew],
      async test(trial) {
        const client = await trial.client();
        const lease = await client.register(trial.instance(trial.service(), 'one'));
        assert.ok('renew' in lease, 'the liveness is lease, so a lease must have renew');
        await lease.renew?.({ signal: AbortSignal.timeout(trial.setting.callMs) });
      },
    },
    {
      title: 'the loss of a lease is told',
      needs: [firstLayout, power('revokeLease')],
      async test(trial) {
        const key = trial.service();
        const client = await trial.client();
        const instance = trial.instance(key, 'one');
        const lease = await client.register(instance, trial.setting.ttlMs);
        await revoke(trial, instance, lease);
        await tellsTheLoss(trial, client, lease);
      },
    },
    {
      title: 'register after the loss of a lease gets a new one and lists the instance',
      needs: [power('revokeLease')],
      async test(trial) {
        const key = trial.service();
        const [client, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        const lease = await client.register(instance, trial.setting.ttlMs);
        await reader.sees(key, [instance]);
        await revoke(trial, instance, lease);
        await reader.sees(key, []);
        const next = await registerAgain(client, instance, trial.setting.ttlMs);
        assert.notEqual(next, lease, 'the lease that was lost is handed out again');
        await reader.sees(key, [instance]);
        await next.renew?.({ signal: AbortSignal.timeout(trial.setting.callMs) });
        assert.ok(!next.lost?.aborted, 'the new lease says that it is lost');
      },
    },
    {
      title: 'register lists an entry again that an operator removed',
      needs: [power('removeEntry')],
      async test(trial) {
        const key = trial.service();
        const [client, reader] = [await trial.client(), await trial.client()];
        const instance = trial.instance(key, 'one');
        await client.register(instance);
        await reader.sees(key, [instance]);
        await trial.setting.harness.removeEntry?.(instance);
        await reader.sees(key, []);
        await client.register(instance);
        await reader.sees(key, [instance]);
      },
    },
  ],
};

async function revoke(trial: Trial, instance: ServiceInstance, lease: Lease): Promise<void> {
  const { namespace, service, id } = instance;
  await trial.setting.harness.revokeLease?.({ namespace, service, id }, lease);
}

/** By a beat that rejects `LEASE_LOST`, or by `lost`. The client beats by itself. */
async function tellsTheLoss(trial: Trial, client: Client, lease: Lease): Promise<void> {
  await eventually('the lease says that it is lost', trial.setting.goneMs(lease), () => {
    const told =
      lease.lost?.aborted === true || client.beatFailures.some(({ code }) => code === 'LEASE_LOST');
    const codes = client.beatFailures.map(({ code }) => code).join(', ') || 'nothing';
    assert.ok(told, `lost has not aborted, and renew rejected with ${codes}`);
  });
}

/** The first call may find out that the lease is gone; the next one must get a new lease. */
async function registerAgain(client: Client, instance: ServiceInstance, ttlMs: number): Promise<Lease> {
  try {
    return await client.register(instance, ttlMs);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'LEASE_LOST')) throw error;
    return client.register(instance, ttlMs);
  }
}
