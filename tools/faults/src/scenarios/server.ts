import type { RegistryErrorCode } from '@rollcall/core';
import type { Scenario } from '../scenario.ts';

/** What a reader says of a registry that is gone or silent. */
const OUTAGE: readonly RegistryErrorCode[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED'];

export const killedAndRestarted: Scenario = {
  name: 'killed',
  fault: 'the server is killed, and restarted with its data after 8 s',
  needs: ['disk'],
  bound: ['reconnect', 'request', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', { reads: { keeps: ['a'], during: 'cut', because: OUTAGE } });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.registry.kill(),
      lastsMs: 8_000,
      end: () => stage.registry.restart(),
    });
    await stage.healed(['a']);
  },
};

export const restartedEmpty: Scenario = {
  name: 'restarted-empty',
  fault: 'the server is killed, and restarted without its data after 8 s',
  // One request may be lost to what was proof of identity before.
  bound: ['reconnect', 'request', 'request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', { reads: { keeps: ['a'], during: 'cut', because: OUTAGE } });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.registry.kill(),
      lastsMs: 8_000,
      end: () => stage.registry.restart({ wipe: true }),
    });
    await stage.healed(['a']);
  },
};

export const leaderKilled: Scenario = {
  name: 'leader-killed',
  fault: 'of three servers the leader, or the one in use, is killed, and stays away',
  nodes: 3,
  needs: ['killLeader'],
  bound: ['election', 'request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['a', 'b'], during: 'either' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => stage.operator('killLeader')() });
    await stage.healed(['a', 'b']);
  },
};

export const frozen: Scenario = {
  name: 'frozen',
  fault: 'the server is frozen for 30 s, with its connections open',
  bound: ['reconnect', 'request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', { reads: { keeps: ['a'], during: 'cut', because: OUTAGE } });
    const leaver = stage.join('leaver', { registers: 'b', service: 'another-service' });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.registry.freeze(),
      // Its calls hang: they must not hold it.
      during: () => leaver.close(),
      lastsMs: 30_000,
      end: () => stage.registry.thaw(),
    });
    await stage.healed(['a']);
  },
};
