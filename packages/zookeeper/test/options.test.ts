import { describe, expect, it } from 'vitest';
import { zookeeperAdapter } from '../src/index.ts';
import { zookeeperOptions } from '../src/options.ts';

describe('without options', () => {
  it('a local ZooKeeper is meant, without a user, in Rollcall’s own layout', () => {
    expect(zookeeperOptions.parse({})).toEqual({
      hosts: ['127.0.0.1:2181'],
      layout: 'rollcall',
      chroot: '/rollcall',
      worldReadable: false,
    });
  });

  it.each([
    ['spring', '/services'],
    ['dubbo', '/services'],
    ['kratos', '/microservices'],
  ] as const)('the chroot of %s is %s', (layout, chroot) => {
    expect(zookeeperOptions.parse({ layout })).toMatchObject({ chroot });
    expect(zookeeperOptions.parse({ layout, chroot: '/mine' })).toMatchObject({ chroot: '/mine' });
  });
});

describe('a wrong option is refused, by its name', () => {
  const secret = 'hunter2';

  it.each<[string, object, string]>([
    ['an unknown key', { endpoints: ['zk:2181'] }, 'endpoints'],
    ['no host', { hosts: [] }, 'hosts'],
    ['a host without port', { hosts: ['zk'] }, 'registry.options.hosts[0]'],
    ['a port that is none', { hosts: ['zk:99999'] }, 'registry.options.hosts[0]'],
    ['a host with a scheme', { hosts: ['http://zk:2181'] }, 'registry.options.hosts[0]'],
    ['a host with a path', { hosts: ['zk:2181/rollcall'] }, 'registry.options.hosts[0]'],
    ['several hosts in one', { hosts: ['a:2181,b:2181'] }, 'registry.options.hosts[0]'],
    ['credentials in a host', { hosts: [`root:${secret}@zk:2181`] }, 'registry.options.hosts[0]'],
    ['a password without user', { password: secret }, 'username'],
    ['a user without password', { username: 'root' }, 'password'],
    ['a user with a colon', { username: `root:${secret}`, password: 'x' }, 'username'],
    ['open nodes of nobody', { worldReadable: true }, 'worldReadable'],
    ['a chroot that ends in a slash', { chroot: '/rollcall/' }, 'chroot'],
    ['the root itself', { chroot: '/' }, 'chroot'],
    ['a chroot that climbs', { chroot: '/a/../b' }, 'chroot'],
    ['an unknown layout', { layout: 'curator' }, 'layout'],
  ])('%s', (_what, options, name) => {
    const error = refusalOf(options);
    expect(error).toMatchObject({ name: 'RegistryError', code: 'INVALID_CONFIG' });
    expect(String(error)).toContain(name);
    expect(String(error)).not.toContain(secret);
  });
});

describe('before open', () => {
  it('a call is refused', async () => {
    const { signal } = new AbortController();
    const key = { namespace: 'default', service: 'a' };
    await expect(zookeeperAdapter().discover(key, { signal })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

function refusalOf(options: object): unknown {
  try {
    return zookeeperAdapter(options);
  } catch (error) {
    return error;
  }
}
