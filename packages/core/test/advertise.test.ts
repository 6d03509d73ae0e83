import type { NetworkInterfaceInfo } from 'node:os';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findAdvertiseHost } from '../src/advertise.ts';
import { RegistryError } from '../src/errors.ts';

function address(text: string, internal = false): NetworkInterfaceInfo {
  const shared = { address: text, netmask: '', mac: '', internal, cidr: null };
  return isIP(text.replace(/%.*/, '')) === 6
    ? { ...shared, family: 'IPv6', scopeid: 0 }
    : { ...shared, family: 'IPv4' };
}

const lo = [address('127.0.0.1', true), address('::1', true)];

describe('a host that is given', () => {
  it.each(['10.0.0.7', 'node-7.example', '127.0.0.1', 'fd00::7'])(
    '%s wins over all that could be found',
    (host) => {
      const { host: chosen, reason } = findAdvertiseHost({
        host,
        interfaces: { eth0: [address('10.9.9.9')] },
      });
      expect(chosen).toBe(host);
      expect(reason).toBe(`Advertising ${host}: it was given.`);
    },
  );

  it('loses the brackets of a URL', () => {
    expect(findAdvertiseHost({ host: '[fd00::7]' }).host).toBe('fd00::7');
  });

  it.each(['0.0.0.0', '::', '[::]', '*', '', '0:0:0:0:0:0:0:0'])(
    '%s is refused: nobody can connect to it',
    (host) => {
      const attempt = () => findAdvertiseHost({ host });
      expect(attempt).toThrow(RegistryError);
      expect(attempt).toThrow('which a server listens on but nobody can connect to');
    },
  );

  it('is refused with a zone', () => {
    expect(() => findAdvertiseHost({ host: 'fe80::1%eth0' })).toThrow('a zone');
  });
});

describe('a host that is found', () => {
  it('is no loopback, no link-local address and on no container bridge; each is told with the reason', () => {
    const { host, reason, rejected } = findAdvertiseHost({
      interfaces: {
        lo,
        docker0: [address('172.17.0.1')],
        'br-1f2e': [address('172.18.0.1')],
        eth0: [address('169.254.3.4'), address('fe80::1%eth0'), address('10.0.0.7')],
      },
    });
    expect(host).toBe('10.0.0.7');
    expect(reason).toBe('Advertising 10.0.0.7, the IPv4 address of eth0: the first suitable one.');
    expect(rejected).toEqual([
      {
        address: '172.18.0.1',
        interface: 'br-1f2e',
        why: 'a bridge to containers or virtual machines on this machine',
      },
      {
        address: '172.17.0.1',
        interface: 'docker0',
        why: 'a bridge to containers or virtual machines on this machine',
      },
      { address: '169.254.3.4', interface: 'eth0', why: 'link-local: reachable on one network link only' },
      { address: '127.0.0.1', interface: 'lo', why: 'loopback: reachable from this machine only' },
      { address: 'fe80::1', interface: 'eth0', why: 'link-local: reachable on one network link only' },
      { address: '::1', interface: 'lo', why: 'loopback: reachable from this machine only' },
    ]);
  });

  it.each([
    'docker0',
    'br-ab12',
    'veth12',
    'cni0',
    'flannel.1',
    'virbr0',
    'podman1',
    'cali12',
    'lxcbr0',
    'vboxnet0',
  ])('is not on %s', (name) => {
    expect(
      findAdvertiseHost({ interfaces: { [name]: [address('10.1.1.1')], zz9: [address('10.2.2.2')] } }).host,
    ).toBe('10.2.2.2');
  });

  it('is IPv4 before IPv6', () => {
    const interfaces = { eth0: [address('fd00::7')], eth1: [address('10.0.0.7')] };
    expect(findAdvertiseHost({ interfaces }).host).toBe('10.0.0.7');
  });

  it.each(['2001:db8::7', 'fd00::7'])('is %s on a machine with IPv6 alone', (ip) => {
    const { host, reason } = findAdvertiseHost({
      interfaces: { lo, eth0: [address('fe80::1'), address(ip)] },
    });
    expect(host).toBe(ip);
    expect(reason).toContain('IPv6');
  });

  it('does not depend on the order in which the system tells', () => {
    const eth2 = [address('10.0.2.2'), address('10.0.2.1')];
    const eth10 = [address('10.0.1.1')];
    expect(findAdvertiseHost({ interfaces: { eth2, eth10 } }).host).toBe('10.0.2.1');
    expect(findAdvertiseHost({ interfaces: { eth10, eth2: eth2.toReversed() } }).host).toBe('10.0.2.1');
  });

  it('is looked for on the real machine without a fault', () => {
    expect(isIP(findAdvertiseHost({ allowLoopback: true }).host)).not.toBe(0);
  });
});

describe('an interface that is asked for', () => {
  const interfaces = {
    lo,
    docker0: [address('172.17.0.1')],
    eth0: [address('10.0.0.7')],
    eth1: [address('192.168.1.7'), address('fd00::7')],
  };

  it.each([
    ['eth1', '192.168.1.7'],
    ['docker0', '172.17.0.1'],
    ['192.168.0.0/16', '192.168.1.7'],
    ['fd00::/8', 'fd00::7'],
    ['127.0.0.0/8', '127.0.0.1'],
  ])('%s', (wanted, host) => {
    const choice = findAdvertiseHost({ interfaces, interface: wanted });
    expect(choice.host).toBe(host);
    expect(choice.reason).toContain(`as ${wanted} was asked for`);
  });

  it.each(['eth9', '11.0.0.0/8'])(
    '%s without an address is an error, also where loopback is allowed',
    (wanted) => {
      expect(() => findAdvertiseHost({ interfaces, interface: wanted, allowLoopback: true })).toThrow(
        `no address fits interface ${wanted}`,
      );
    },
  );

  it.each(['10.0.0.0/33', '10.0.0/8', 'eth0/x', '10.0.0.0/'])(
    '%s is neither a name nor a range',
    (wanted) => {
      expect(() => findAdvertiseHost({ interfaces, interface: wanted })).toThrow(
        'neither a name (eth0) nor a range',
      );
    },
  );
});

describe('when no host is suitable', () => {
  const interfaces = { lo, docker0: [address('172.17.0.1')] };

  it('says what to set, and what was passed over', () => {
    expect(() => findAdvertiseHost({ interfaces })).toThrow(
      /Set service\.host \(or host, in code\).*172\.17\.0\.1 on docker0 \(a bridge/,
    );
  });

  it('falls back to loopback for registries of one machine', () => {
    const { host, reason } = findAdvertiseHost({ interfaces, allowLoopback: true });
    expect(host).toBe('127.0.0.1');
    expect(reason).toContain('this registry serves one machine only');
  });

  it('prefers a real address to loopback even then', () => {
    expect(
      findAdvertiseHost({ interfaces: { ...interfaces, eth0: [address('10.0.0.7')] }, allowLoopback: true })
        .host,
    ).toBe('10.0.0.7');
  });
});
