import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { measured, traced } from '../src/index.ts';
import { fetchFor, serve, startMetrics, startRegistry, startTracing } from './stage.ts';

const URL = 'http://user-service/users/42';

describe('measured calls', () => {
  it('are counted and timed, each with its tries', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    let count = 0;
    const answer: RequestListener = (_request, response) => response.writeHead(++count > 1 ? 200 : 503).end();
    await serve(registry, 'a', answer);
    await serve(registry, 'b', answer);
    const fetch = fetchFor(registry, measured({}, { meter }));
    for (let i = 0; i < 3; i++) await (await fetch(URL)).text();
    const request = 'http.request.method=GET';
    const server = 'server.address=user-service server.port=80';
    expect(await collect()).toEqual({
      'rollcall.call.duration': { 'http.response.status_code=200 rollcall.service=user-service': 3 },
      'rollcall.call.attempts': {
        'rollcall.attempt.kind=first rollcall.service=user-service': 3,
        'rollcall.attempt.kind=retry rollcall.service=user-service': 1,
      },
      'http.client.request.duration': {
        [`${request} http.response.status_code=200 ${server}`]: 3,
        [`error.type=503 ${request} http.response.status_code=503 ${server}`]: 1,
      },
    });
  });

  it('of which one try was quicker than another count both, and time the one that answered', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    let isFirst = true;
    const answer: RequestListener = (_request, response) => {
      if (!isFirst) response.end('quick');
      isFirst = false;
    };
    await serve(registry, 'a', answer);
    await serve(registry, 'b', answer);
    const fetch = fetchFor(registry, measured({ hedge: { afterMs: 20 } }, { meter }));
    await (await fetch(URL)).text();
    const metrics = await collect();
    expect(metrics['rollcall.call.attempts']).toEqual({
      'rollcall.attempt.kind=first rollcall.service=user-service': 1,
      'rollcall.attempt.kind=hedge rollcall.service=user-service': 1,
    });
    expect(Object.values(metrics['http.client.request.duration'] ?? {})).toEqual([1]);
  });

  it('that were never sent are counted too, by why', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    await expect(fetchFor(registry, measured({}, { meter }))(URL)).rejects.toThrow('nobody is listed');
    expect(await collect()).toEqual({
      'rollcall.call.duration': { 'error.type=NO_INSTANCE rollcall.service=user-service': 1 },
    });
  });

  it('are all told at each collection, however many there were since the last', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    const fetch = fetchFor(registry, measured({}, { meter }));
    const told = 'error.type=NO_INSTANCE rollcall.service=user-service';
    let calls = 0;
    for (const more of [1, 300, 600]) {
      const failed = Array.from({ length: more }, () => fetch(URL).catch(() => 'failed'));
      expect(new Set(await Promise.all(failed))).toEqual(new Set(['failed']));
      calls += more;
      expect((await collect())['rollcall.call.duration']).toEqual({ [told]: calls });
    }
  });

  it('without an SDK are made as any others', () => {
    const options = { timeoutMs: 5_000 };
    expect(measured(options)).toBe(options);
    expect(() => measured(options, { maxServices: -1 })).toThrow('maxServices');
  });

  it('of services beyond the first are one, `other`', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    const fetch = fetchFor(registry, measured({}, { meter, maxServices: 1 }));
    for (const service of ['one', 'two', 'three'])
      await expect(fetch(`http://${service}/`)).rejects.toThrow('nobody is listed');
    expect((await collect())['rollcall.call.duration']).toEqual({
      'error.type=NO_INSTANCE rollcall.service=one': 1,
      'error.type=NO_INSTANCE rollcall.service=other': 2,
    });
  });

  it('by two who use the same meter are added up', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.end());
    for (const fetch of [1, 2].map(() => fetchFor(registry, measured({}, { meter }))))
      await (await fetch(URL)).text();
    const metrics = await collect();
    expect(metrics['rollcall.call.attempts']).toEqual({
      'rollcall.attempt.kind=first rollcall.service=user-service': 2,
    });
    expect(Object.values(metrics['rollcall.call.duration'] ?? {})).toEqual([2]);
  });

  it('may be traced as well', async () => {
    const { meter, collect } = startMetrics();
    const { finished } = startTracing();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (incoming, response) => response.end(incoming.headers['traceparent']));
    const fetch = fetchFor(registry, measured(traced(), { meter }));
    const header = await (await fetch(URL)).text();
    expect(header).toContain(finished()[0]?.spanContext().traceId);
    expect((await collect())['rollcall.call.attempts']).toEqual({
      'rollcall.attempt.kind=first rollcall.service=user-service': 1,
    });
  });
});
