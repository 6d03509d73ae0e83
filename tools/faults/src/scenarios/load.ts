import type { RegistryErrorCode } from '@rollcall/core';
import { busiestSecond } from '../counting-proxy.ts';
import { crowdService } from '../protocol.ts';
import type { Scenario } from '../scenario.ts';
import { DEFAULTS } from '../settings.ts';

const CROWDS = 4;
const CLIENTS = 1_000;
/**
 * The most connections in one second for each client. It tries two things, each after pauses of its own: to be listed, and to
 * follow a list. The pauses start short again when it gives its lease up. Without jitter all would come in one instant, twice.
 */
const MOST_OF_A_CLIENT = 2;
/** How long it may take until they are there, one after the other, on two cores, in milliseconds. */
const GATHER_WITHIN_MS = 400_000;
/** Until the pauses have grown from `backoff.baseMs` to `backoff.capMs`, in milliseconds. */
const GROWN_AFTER_MS = 10_000;
const OUTAGE: readonly RegistryErrorCode[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED'];

export const reconnectingAtOnce: Scenario = {
  name: 'thousand-reconnect',
  fault: '1 000 clients lose the registry at once; it comes back empty after 25 s',
  // To hold for as long as so many need to come back is what docs/reliability.md advises.
  settings: { ...DEFAULTS, holdMs: 60_000 },
  isHeavy: true,
  bound: ['reconnect', 'request', 'request', 'backoff', 'backoff', 'fill', 'seen'],
  async run(stage) {
    const proxy = await stage.countClients();
    const { requestTimeoutMs } = stage.settings;
    for (let crowd = 0; crowd < CROWDS; crowd++)
      stage.join(`crowd ${crowd}`, {
        registers: `c${crowd}`,
        // Asked once more when the registry swallowed a request, which may be confirmed before its end is noticed.
        reads: {
          keeps: ['a'],
          during: 'cut',
          because: OUTAGE,
          cutWithinMs: requestTimeoutMs,
          // One process does what hundreds do.
          stillMs: 10_000,
        },
        handles: CLIENTS / CROWDS,
        proxied: proxy.port,
      });
    stage.join('registrant', { registers: 'a' });
    await stage.settled(['a'], GATHER_WITHIN_MS);
    await stage.fault({
      begin: () => stage.registry.kill(),
      lastsMs: 25_000,
      end: () => stage.registry.restart({ wipe: true }),
    });
    await stage.healed(['a']);
    const wanted = countOf(crowdService(7));
    const listed = await stage.listedInTime(crowdService(7), wanted);
    stage.expect(listed === wanted, `all clients are listed again (${listed} of ${wanted} in one service)`);

    const { connections, requests } = proxy.traffic;
    const { faultFrom, faultTo } = stage.times;
    const healedAt = faultTo + (stage.healedInMs ?? 0);
    const bound = MOST_OF_A_CLIENT * CLIENTS;
    const grown = busiestSecond(connections, faultFrom + GROWN_AFTER_MS, faultTo);
    const back = busiestSecond(connections, faultTo, healedAt);
    const first = busiestSecond(connections, faultFrom, faultFrom + GROWN_AFTER_MS);
    const asked = requests.filter((at) => at >= faultTo && at < healedAt).length;
    stage.count(
      { what: 'connections in the busiest of the first ten seconds', figure: spaced(first) },
      { what: `in the busiest after those, at most ${spaced(bound)}`, figure: spaced(grown) },
      { what: `in the busiest when it is back, at most ${spaced(bound)}`, figure: spaced(back) },
      {
        what: 'requests in the busiest second when it is back',
        figure: spaced(busiestSecond(requests, faultTo, healedAt)),
      },
      { what: 'requests of each client until all is healed', figure: (asked / CLIENTS).toFixed(1) },
    );
    stage.expect(grown <= bound, `no second of the outage has more than ${bound} connections (${grown})`);
    stage.expect(back <= bound, `no second has more than ${bound} connections when it is back (${back})`);
  },
};

/** As the docs write figures: 2 000. */
function spaced(figure: number): string {
  return figure.toLocaleString('en').replaceAll(',', ' ');
}

/** How many of all clients register there. */
function countOf(service: string): number {
  const handles = Array.from({ length: CLIENTS / CROWDS }, (_, handle) => crowdService(handle));
  return handles.filter((each) => each === service).length * CROWDS;
}

const INSTANCES = 100;
const ROUNDS = 100;
const LEAVERS = 40;
/** How long 10 000 changes may take, in milliseconds: an agent of Consul makes some fifty in a second, each on disk. */
const CHURN_WITHIN_MS = 400_000;
/** What a reader may have kept of 10 000 changes, in bytes: much less than a hundred for each. */
const GROWTH_BYTES = 10_000_000;

export const churn: Scenario = {
  name: 'churn',
  fault: '10 000 changes of 100 instances, the last 40 of which leave',
  isHeavy: true,
  bound: ['seen', 'first backoff'],
  async run(stage) {
    const ids = Array.from({ length: INSTANCES }, (_, i) => `i${i}`);
    const staying = ids.slice(LEAVERS);
    const writer = stage.join('writer', { registers: ids });
    const readers = ['reader', 'reader 2'].map((name) =>
      stage.join(name, { reads: { keeps: staying, during: 'either' } }),
    );
    await stage.settled(ids);
    const before = await Promise.all(readers.map((reader) => reader.weigh()));
    await stage.fault({
      begin() {},
      during: () => writer.churn(ROUNDS, LEAVERS, CHURN_WITHIN_MS),
    });
    const { faultFrom, faultTo } = stage.times;
    await Promise.all(
      readers.map((reader) =>
        reader.until('the last change', CHURN_WITHIN_MS, () => {
          const list = reader.latest?.list;
          return (list?.ids.length === staying.length && list.weights?.min === ROUNDS) || undefined;
        }),
      ),
    );
    await stage.healed(staying);
    const after = await Promise.all(readers.map((reader) => reader.weigh()));
    const growth = Math.max(...after.map((bytes, i) => bytes - (before[i] ?? 0)));
    const backwards = readers.reduce((sum, { latest }) => sum + (latest?.list?.weights?.backwards ?? 0), 0);
    const tookMs = faultTo - faultFrom;
    stage.count(
      { what: 'changes in a second', figure: spaced(Math.round((INSTANCES * ROUNDS * 1_000) / tookMs)) },
      {
        what: `by how much a reader grew, at most ${GROWTH_BYTES / 1e6} MB`,
        figure: `${(growth / 1e6).toFixed(1)} MB`,
      },
    );
    stage.expect(growth <= GROWTH_BYTES, `a reader keeps nothing of past changes (${growth} bytes more)`);
    stage.expect(backwards === 0, `no reader sees an older state after a newer one (${backwards} times)`);
  },
};
