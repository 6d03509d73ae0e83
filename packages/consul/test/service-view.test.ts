import { describe, expect, it } from 'vitest';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { ServiceView } from '../src/service-view.ts';

const key = { namespace: 'default', service: 'orders' };

interface Shape {
  readonly node?: string;
  readonly status?: string;
  readonly type?: string;
  readonly modified?: number;
  readonly notes?: string;
  readonly checks?: readonly object[];
}

/** An entry as `/health/service` gives it, of an instance that Rollcall wrote. */
function entry(id: string, shape: Shape = {}): object {
  const { node = 'n1', status = 'passing', type = 'ttl', modified = 1, checks = [] } = shape;
  const { notes = '{"host":"10.0.0.7","port":8080}' } = shape;
  const ID = `orders~~${id}`;
  return {
    Node: { Node: node, Address: '10.0.0.1' },
    Service: { ID, Service: 'orders', Address: '10.0.0.7', Port: 8080, ModifyIndex: modified },
    Checks: [{ CheckID: `rollcall:${ID}`, Status: status, Type: type, Notes: notes }, ...checks],
  };
}

const read = (...entries: unknown[]) => new ServiceView(key, rollcallLayout).read(JSON.stringify(entries));

/** A view that follows answers, one after the other. */
function following() {
  const view = new ServiceView(key, rollcallLayout);
  let index = 10;
  return {
    view,
    take: (entries: readonly unknown[], isReset = false) =>
      view.follow({ text: JSON.stringify(entries), index: index++, isReset }),
  };
}

describe('who is listed', () => {
  it('is whose lease has not ended, and whose agent is alive', () => {
    const dead = { CheckID: 'serfHealth', Status: 'critical' };
    const { instances, skipped } = read(
      entry('a'),
      entry('b', { status: 'critical' }),
      entry('c', { checks: [dead] }),
      entry('d', { status: 'warning' }),
    );
    expect(instances.map(({ id, status }) => [id, status])).toEqual([
      ['a', 'UP'],
      ['d', 'UP'],
    ]);
    expect(skipped).toEqual([]);
  });

  it('is DOWN when the agent’s probe fails, or the agent itself is gone', () => {
    const dead = { CheckID: 'serfHealth', Status: 'critical' };
    const { instances } = read(
      entry('a', { type: 'http', status: 'critical' }),
      entry('b', { type: 'tcp', checks: [dead] }),
    );
    expect(instances.map(({ status }) => status)).toEqual(['DOWN', 'DOWN']);
  });

  it('is as an operator’s check says, which holds before what the instance says; other checks only take away', () => {
    const over = (notes: unknown, Status = 'passing') => ({
      CheckID: 'rollcall-override:orders~~a',
      Status,
      Type: 'ttl',
      Notes: typeof notes === 'string' ? notes : JSON.stringify(notes),
    });
    const maintenance = { CheckID: '_service_maintenance:orders~~a', Status: 'critical' };
    const own = (status: string) => `{"host":"10.0.0.7","port":8080,"status":"${status}","weight":2}`;
    const seen = (notes: string, ...checks: object[]) => {
      const [one] = read(entry('a', { notes, checks })).instances;
      return [one?.status, one?.weight];
    };
    expect(seen(own('UP'), over({ status: 'OUT_OF_SERVICE' }, 'critical'))).toEqual(['OUT_OF_SERVICE', 2]);
    expect(seen(own('UP'), over({ weight: 9 }))).toEqual(['UP', 9]);
    expect(seen(own('OUT_OF_SERVICE'), over({ status: 'UP', weight: 0 }))).toEqual(['UP', 0]);
    expect(seen(own('OUT_OF_SERVICE'), over({ status: 'UP' }), maintenance)).toEqual(['OUT_OF_SERVICE', 2]);
    // The agent’s own word for a check that nobody answers says nothing here.
    expect(seen(own('UP'), over({ weight: 9 }, 'critical'))).toEqual(['UP', 9]);
    for (const nonsense of ['', 'not json', '[]', { status: 'ASLEEP', weight: -1 }, { weight: '9' }])
      expect(seen(own('UP'), over(nonsense, 'critical'))).toEqual(['UP', 2]);
  });

  it('is there once, by the younger entry, while two agents have one of the same id', () => {
    const [old, young] = ['{"host":"old","port":1}', '{"host":"young","port":1}'];
    for (const order of [
      [
        entry('a', { node: 'n1', modified: 5, notes: old }),
        entry('a', { node: 'n2', modified: 9, notes: young }),
      ],
      [
        entry('a', { node: 'n2', modified: 9, notes: young }),
        entry('a', { node: 'n1', modified: 5, notes: old }),
      ],
    ])
      expect(read(...order).instances.map(({ host }) => host)).toEqual(['young']);
    const ended = entry('a', { node: 'n2', modified: 9, status: 'critical', notes: young });
    expect(read(entry('a', { notes: old }), ended).instances.map(({ host }) => host)).toEqual(['old']);
  });

  it('is what can be read; the rest is reported, each with its place', () => {
    const { instances, skipped } = read(
      entry('a'),
      entry('b', { notes: 'not json' }),
      null,
      [],
      { Node: {}, Service: {} },
      { ...entry('c'), Checks: 'none' },
      { ...entry('d'), Checks: [null, { CheckID: 7 }] },
    );
    expect(instances.map(({ id }) => id)).toEqual(['a']);
    expect(skipped.map((each) => each.key)).toEqual(['n1/orders~~b', 'orders/#2', 'orders/#3', 'orders/#4']);
  });

  it.each(['', 'not json', '{}', '7', '[{]'])('an answer like %j is PROTOCOL', (text) => {
    expect(() => new ServiceView(key, rollcallLayout).read(text)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('what a watch tells', () => {
  it('begins with a list; then each change is told as a change, with its revision', () => {
    const { take } = following();
    expect(take([entry('a')])).toMatchObject({ kind: 'list', instances: [{ id: 'a' }], revision: '10' });
    expect(take([entry('a'), entry('b')])).toMatchObject({
      kind: 'delta',
      put: [{ id: 'b' }],
      removed: [],
      revision: '11',
    });
    expect(take([entry('b')])).toMatchObject({ kind: 'delta', put: [], removed: ['a'] });
    expect(take([entry('b', { notes: 'torn', modified: 2 })])).toMatchObject({
      kind: 'delta',
      removed: ['b'],
      skipped: [{ key: 'n1/orders~~b' }],
    });
  });

  it('is nothing where nothing differs for a reader', () => {
    const { take } = following();
    take([entry('a'), entry('b', { notes: 'torn' })]);
    expect(take([entry('a', { modified: 7 }), entry('b', { notes: 'torn' })])).toBeUndefined();
    expect(
      take([entry('a', { notes: '{"host":"10.0.0.7","port":8080} ' }), entry('b', { notes: 'torn' })]),
    ).toBe(undefined);
  });

  it('is the whole list where several are missing at once: the core doubts that, and believes a change', () => {
    const { take } = following();
    take(['a', 'b', 'c'].map((id) => entry(id)));
    expect(take([entry('a')])).toMatchObject({ kind: 'list', instances: [{ id: 'a' }] });
    expect(take([])).toMatchObject({ kind: 'delta', removed: ['a'] });
  });

  it('is the whole list where Consul tells an older state than before, and nothing known is taken from it', () => {
    const { take } = following();
    const theirs = (Port: number) => ({
      Node: { Node: 'n1' },
      Service: { ID: 'x', Service: 'orders', Address: 'h', Port, ModifyIndex: 5 },
      Checks: [],
    });
    take([theirs(1)]);
    expect(take([theirs(2)])).toBeUndefined();
    expect(take([theirs(2)], true)).toMatchObject({ kind: 'list', instances: [{ port: 2 }] });
    expect(take([], true)).toMatchObject({ kind: 'list', instances: [] });
  });

  it('decodes an entry again only when it changed', () => {
    const { take } = following();
    const first = take([entry('a'), entry('b')]);
    const second = take([entry('a'), entry('b', { modified: 2, notes: '{"host":"h","port":1}' })], false);
    expect(second).toMatchObject({ kind: 'delta', put: [{ id: 'b' }] });
    const third = take([entry('a'), entry('b', { modified: 2, notes: '{"host":"h","port":1}' })], true);
    const instances = [first, third].map((event) =>
      event?.kind === 'list' ? event.instances[0] : undefined,
    );
    expect(instances[1]).toBe(instances[0]);
  });

  it('can be asked beforehand whether somebody would be missing', () => {
    const { take, view } = following();
    take([entry('a'), entry('b')]);
    expect(view.lacks(JSON.stringify([entry('b'), entry('a')]))).toBe(false);
    expect(view.lacks(JSON.stringify([entry('b'), entry('c')]))).toBe(true);
  });

  it('is the same whether it was asked beforehand or not', () => {
    const { take, view } = following();
    const asked = (entries: readonly unknown[], isReset = false) => {
      view.lacks(JSON.stringify(entries));
      return take(entries, isReset);
    };
    expect(asked([entry('a'), entry('b')])).toMatchObject({ kind: 'list' });
    expect(asked([entry('b')])).toMatchObject({ kind: 'delta', removed: ['a'] });
    expect(asked([entry('b')])).toBeUndefined();
    expect(asked([entry('b'), entry('a')])).toMatchObject({ kind: 'delta', put: [{ id: 'a' }] });
    // Asked for one, and followed by another.
    view.lacks(JSON.stringify([entry('a')]));
    expect(take([entry('b')])).toMatchObject({ kind: 'delta', removed: ['a'] });
    const theirs = (Port: number) => ({
      Node: { Node: 'n1' },
      Service: { ID: 'x', Service: 'orders', Address: 'h', Port, ModifyIndex: 5 },
      Checks: [],
    });
    asked([theirs(1)]);
    expect(asked([theirs(2)], true)).toMatchObject({ kind: 'list', instances: [{ port: 2 }] });
  });

  it('sees each thing of an entry change, and nothing else', () => {
    const { take } = following();
    const own = (more: object = {}) => ({ CheckID: 'mem', Status: 'passing', Notes: 'x', ...more });
    const shapes: readonly Shape[] = [
      {},
      { notes: '{"host":"10.0.0.8","port":8080}' },
      { notes: '{"host":"10.0.0.8","port":8080}', checks: [own({ Status: 'critical' })] },
      { notes: '{"host":"10.0.0.8","port":8080}', checks: [own()] },
      { notes: '{"host":"10.0.0.8","port":8080}', checks: [own({ Status: 'critical' })] },
      // Its check was removed, and nothing else.
      { notes: '{"host":"10.0.0.8","port":8080}' },
    ];
    for (const shape of shapes) {
      expect(take([entry('a', shape)])).toBeDefined();
      expect(take([entry('a', shape)])).toBeUndefined();
    }
  });
});
