import { describe, expect, it, vi } from 'vitest';
import type { HttpObserver, ObservedEnd, ObservedRequest } from '../src/index.ts';
import { deadPort, echo, rejection, Stage } from './stage.ts';

const URL = 'http://user-service/users/42?full=yes';

describe('an observer', () => {
  it('is told of a call, of its try, and how both ended', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const { seen, observer } = record();
    await (await stage.fetch({ observer })(URL, { method: 'PUT', headers: { 'x-one': '1' } })).text();
    expect(seen.requests).toMatchObject([
      {
        origin: 'http://user-service',
        service: 'user-service',
        method: 'PUT',
        path: '/users/42?full=yes',
        headers: { 'x-one': '1' },
      },
    ]);
    expect(seen.steps).toEqual(['1 first a', 'a ended by 200', 'the call ended by 200']);
  });

  it('adds headers to each try, in place of those of the same name', async () => {
    const stage = await Stage.begin();
    const tries: unknown[] = [];
    await stage.serve('a', (request, response) => {
      tries.push(request.headers['x-try']);
      if (tries.length === 1) response.writeHead(503).end();
      else echo(request, response);
    });
    const fetch = stage.fetch({
      observer: () => ({ onAttempt: ({ attempt }) => ({ headers: { 'X-Try': String(attempt) } }) }),
    });
    const answer = await fetch(URL, { headers: { 'x-try': 'mine', 'x-one': '1' } });
    expect(await answer.json()).toMatchObject({ headers: { 'x-one': '1', host: 'user-service' } });
    expect(tries).toEqual(['1', '2']);
  });

  it('is told of the try that failed and of the one that came for it', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', (_request, response) => response.writeHead(503).end());
    await stage.serve('b', (_request, response) => response.writeHead(503).end());
    const { seen, observer } = record();
    await (await stage.fetch({ observer, retry: { attempts: 2 } })(URL)).text();
    expect(seen.starts).toEqual(['1 first', '2 retry']);
    expect(seen.attemptEnds).toEqual([{ status: 503 }, { status: 503 }]);
    expect(seen.callEnds).toEqual([{ status: 503 }]);
  });

  it('is told why nobody answered', async () => {
    const stage = await Stage.begin();
    await stage.list({ id: 'a', port: await deadPort() });
    const { seen, observer } = record();
    await rejection(stage.fetch({ observer, retry: false })(URL));
    expect(seen.attemptEnds).toMatchObject([{ error: { code: 'ECONNREFUSED' } }]);
    expect(seen.callEnds).toMatchObject([{ error: { code: 'UNREACHABLE' } }]);
  });

  it('is told of a call that had no instance to go to', async () => {
    const stage = await Stage.begin();
    const { seen, observer } = record();
    await rejection(stage.fetch({ observer })(URL));
    expect(seen.starts).toEqual([]);
    expect(seen.callEnds).toMatchObject([{ error: { code: 'NO_INSTANCE' } }]);
  });

  it('is told which of two tries was called off, when the other was quicker', async () => {
    const stage = await Stage.begin();
    let isFirst = true;
    const answer: Parameters<Stage['serve']>[1] = (_request, response) => {
      if (!isFirst) response.end('quick');
      isFirst = false;
    };
    await stage.serve('a', answer);
    await stage.serve('b', answer);
    const { seen, observer } = record();
    expect(await (await stage.fetch({ observer, hedge: { afterMs: 20 } })(URL)).text()).toBe('quick');
    expect(seen.starts).toEqual(['1 first', '2 hedge']);
    expect(seen.attemptEnds).toEqual([{ isCancelled: true }, { status: 200 }]);
  });

  it('is told of a deadline, and of a caller who gives up', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', () => {});
    const { seen, observer } = record();
    await rejection(stage.fetch({ observer, timeoutMs: 30 })(URL));
    expect(seen.attemptEnds).toMatchObject([{ error: { code: 'DEADLINE_EXCEEDED' } }]);
    const patience = new AbortController();
    const call = stage.fetch({ observer })(URL, { signal: patience.signal });
    await vi.waitFor(() => expect(seen.starts).toHaveLength(2));
    patience.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen.callEnds).toMatchObject([
      { error: { code: 'DEADLINE_EXCEEDED' } },
      { error: { name: 'AbortError' } },
    ]);
  });

  it('is told of an answer that broke off', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const { seen, observer } = record();
    const answer = await stage.fetch({ observer })(URL);
    await expect(answer.text()).rejects.toThrow('terminated');
    expect(seen.attemptEnds).toMatchObject([{ status: 200, error: { code: 'UND_ERR_SOCKET' } }]);
    expect(seen.callEnds).toHaveLength(1);
  });

  it('that throws harms no call, nor does one that gives nothing', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const fail = () => {
      throw new Error('broken');
    };
    const observers: HttpObserver[] = [
      fail,
      () => undefined,
      () => ({}),
      () => ({ onAttempt: fail, onEnd: fail }),
      () => ({ onAttempt: () => ({ onEnd: fail }) }),
    ];
    for (const observer of observers) expect(await (await stage.fetch({ observer })(URL)).text()).toBe('a');
  });

  it('is not told of what is no call to a service', async () => {
    const stage = await Stage.begin();
    const { port } = await stage.serve('a');
    const { seen, observer } = record();
    await (await stage.fetch({ observer })(`http://127.0.0.1:${port}/`)).text();
    expect(seen.requests).toEqual([]);
  });
});

/** An observer that writes down what it is told. */
function record() {
  const seen = {
    requests: [] as ObservedRequest[],
    starts: [] as string[],
    attemptEnds: [] as ObservedEnd[],
    callEnds: [] as ObservedEnd[],
    steps: [] as string[],
  };
  const observer: HttpObserver = (request) => {
    seen.requests.push(request);
    return {
      onAttempt: ({ instance, kind, attempt }) => {
        seen.starts.push(`${attempt} ${kind}`);
        seen.steps.push(`${attempt} ${kind} ${instance.id}`);
        return {
          onEnd: (end) => {
            seen.attemptEnds.push(end);
            seen.steps.push(`${instance.id} ended by ${end.status}`);
          },
        };
      },
      onEnd: (end) => {
        seen.callEnds.push(end);
        seen.steps.push(`the call ended by ${end.status}`);
      },
    };
  };
  return { seen, observer };
}
