import { optionConformance } from '@rollcall/conformance';
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

const secret = 'hunter2';

optionConformance(
  { describe, it },
  {
    create: (options) => zookeeperAdapter(options),
    secret,
    wrong: [
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
    ],
  },
);
