import { checkDocument } from '@rollcall/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeServiceName } from '../../consul/src/layouts/names.ts';
import { namespaceIdOf as adapterNamespaceId } from '../../nacos/src/namespace-id.ts';
import {
  type NativeRegistry,
  type PolicyInput,
  policySchema,
  renderPolicy,
  type RenderOptions,
  shellLines,
} from '../src/index.ts';
import { encodeName } from '../src/native/consul.ts';
import { namespaceIdOf } from '../src/native/nacos.ts';

const one = (roles: PolicyInput['roles'], more: Partial<PolicyInput> = {}) =>
  checkDocument(
    { roles, subjects: [{ subject: 'alice', roles: Object.keys(roles) }], ...more },
    { schema: policySchema, what: 'policy' },
  );

const lines = (policy: ReturnType<typeof one>, registry: NativeRegistry, options: RenderOptions = {}) =>
  shellLines(renderPolicy(policy, registry, options)).join('\n');

describe('names', () => {
  it('are written as the adapters write them', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
      fc.constantFrom('consul', '.a', 'public', 'default', 'A/b~'),
    );
    fc.assert(
      fc.property(name, name, (namespace, service) => {
        const mine = `${namespace === 'default' ? '' : `${encodeName(namespace)}~~`}${encodeName(service)}`;
        expect(mine).toBe(encodeServiceName({ namespace, service }));
        expect(namespaceIdOf(namespace)).toBe(adapterNamespaceId(namespace, {}));
      }),
    );
  });
});

describe('a pattern that the registry can’t hold', () => {
  it('stands for the names that are known, and is told', () => {
    const policy = one({ r: [{ verbs: ['list'], namespaces: ['*-prod'], services: ['a*z'] }] });
    const native = renderPolicy(policy, 'etcd', { known: ['eu-prod/abz', 'eu-prod/other', 'eu-test/abz'] });
    expect(shellLines(native).filter((line) => line.includes('grant-permission'))).toEqual([
      'etcdctl role grant-permission --prefix=true rollcall.alice read /rollcall/eu-prod/abz/',
    ]);
    expect(native.warnings.join('\n')).toContain(
      'role r: the namespaces *-prod stand for those that are known: eu-prod',
    );
    expect(native.warnings.join('\n')).toContain(
      'role r: the services a*z of eu-prod stand for those that are known: abz',
    );
  });

  it('never opens more than was meant', () => {
    // In Consul, all of the namespace `default` would be all namespaces.
    const all = one({ r: [{ verbs: ['list'], namespaces: ['default'] }] });
    expect(lines(all, 'consul')).not.toContain('service_prefix');
    expect(lines(all, 'consul', { known: ['default/users'] })).toContain(
      String.raw`service \"users\" { policy = \"read\" }`,
    );
    // In etcd, a service of several namespaces would be in the midst of a key.
    const service = one({ r: [{ verbs: ['list'], namespaces: ['*'], services: ['users'] }] });
    expect(lines(service, 'etcd', { known: ['a', 'b'] })).not.toMatch(/ \/rollcall\/$/m);
    expect(lines(service, 'etcd', { known: ['a', 'b'] })).toContain('/rollcall/a/users/');
    // In Nacos, a dot would be any letter.
    expect(lines(one({ r: [{ verbs: ['list'], namespaces: ['a'], services: ['a.b'] }] }), 'nacos')).toContain(
      String.raw`'resource=a:DEFAULT_GROUP:naming/a\.b'`,
    );
    // A crossing by metadata is nothing that a registry looks at.
    const crossing = one(
      {},
      {
        roles: { r: [{ verbs: ['list'], namespaces: ['*'] }] },
        allow: [{ from: 'web', to: 'catalog', metadata: { exposed: 'true' } }],
        subjects: [],
        keys: [{ id: 'k', subject: 'k', hash: `sha256:${'0'.repeat(64)}`, roles: ['r'], namespace: 'web' }],
      },
    );
    expect(lines(crossing, 'etcd')).not.toContain('catalog');
    expect(renderPolicy(crossing, 'etcd').warnings.join('\n')).toContain('some metadata');
  });

  it('keeps in Consul’s narrowest rule what a wider one permits', () => {
    const policy = one({
      r: [{ verbs: ['register', 'list'], namespaces: ['a'] }],
      s: [{ verbs: ['list'], namespaces: ['a'], services: ['users'] }],
    });
    expect(lines(policy, 'consul')).toContain(String.raw`service \"a~~users\" { policy = \"write\" }`);
  });
});

describe('accounts', () => {
  it('are the keys and the subjects without a pattern, each bound by its home', () => {
    const policy = one(
      { service: [{ verbs: ['register'], namespaces: ['{namespace}'] }] },
      {
        subjects: [
          { subject: 'ci', roles: ['service'] },
          { subject: 'work*', roles: ['service'] },
        ],
        keys: ['orders', 'web'].map((namespace) => ({
          id: namespace,
          subject: 'ci',
          hash: `sha256:${'0'.repeat(64)}`,
          namespace,
        })),
      },
    );
    const text = lines(policy, 'etcd');
    expect(text).toContain('rollcall.ci write /rollcall/orders/');
    expect(text).toContain('rollcall.ci write /rollcall/web/');
    expect(text).not.toContain('work');
    expect(text.match(/user add/g)).toHaveLength(1);
  });

  it('need passwords in ZooKeeper, and show none', () => {
    const policy = one({ r: [{ verbs: ['list'], namespaces: ['a'], services: ['b'] }] });
    expect(() => renderPolicy(policy, 'zookeeper')).toThrow(/password of alice/);
    const text = lines(policy, 'zookeeper', { passwords: { alice: 'hunter2' } });
    expect(text).toContain('setAcl /rollcall/a/b auth::cdrwa,digest:alice:');
    expect(text).not.toContain('hunter2');
    expect(() =>
      renderPolicy(policy, 'zookeeper', { passwords: Object.create({ alice: 'x' }) as object as never }),
    ).toThrow(/password of alice/);
  });

  it('with names that a shell would obey are quoted', () => {
    const policy = one({}, { subjects: [{ subject: "a'; rm -rf / #", roles: ['r'] }], roles: { r: [] } });
    expect(lines(policy, 'etcd')).toContain(String.raw`etcdctl user add 'a'\''; rm -rf / #'`);
  });
});
