import { BlockList, isIP } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { RegistryError } from './errors.ts';

export interface AdvertiseOptions {
  /** The host to advertise. It wins over everything that could be found. */
  readonly host?: string;
  /** Take an address of this network interface (`eth1`) or range (`10.0.0.0/8`, `fd00::/8`), also one that is passed over otherwise. */
  readonly interface?: string;
  /**
   * When nothing better is found, take `127.0.0.1`. For registries that never leave the machine. Defaults to false.
   */
  readonly allowLoopback?: boolean;
  /** The machine's addresses. Defaults to `os.networkInterfaces()`. */
  readonly interfaces?: NodeJS.Dict<NetworkInterfaceInfo[]>;
}

export interface AdvertiseChoice {
  readonly host: string;
  /** Why this one, as a sentence for the log. */
  readonly reason: string;
  /** The addresses that were passed over. */
  readonly rejected: readonly RejectedAddress[];
}

export interface RejectedAddress {
  readonly address: string;
  readonly interface: string;
  readonly why: string;
}

/**
 * Finds the host that others can reach this process at: the given one, else the machine's first address that is
 * neither loopback nor link-local nor on a bridge to containers or virtual machines. IPv4 comes before IPv6; within
 * each, interfaces are taken in the order of their names, so that the answer is the same at every start.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` when the given host is no address to reach anyone at, or none is found.
 */
export function findAdvertiseHost(options: AdvertiseOptions = {}): AdvertiseChoice {
  if (options.host !== undefined) return given(options.host);
  const all = addresses(options.interfaces ?? networkInterfaces());
  const judge = options.interface === undefined ? problemOf : outside(options.interface);
  const judged = all.map((candidate) => ({ candidate, why: judge(candidate) }));
  const rejected = judged.flatMap(({ candidate: { address, interface: name }, why }) =>
    why === undefined ? [] : [{ address, interface: name, why }],
  );
  const chosen = judged.find(({ why }) => why === undefined)?.candidate;
  if (chosen) {
    const asked =
      options.interface === undefined ? 'the first suitable one' : `as ${options.interface} was asked for`;
    return {
      host: chosen.address,
      reason: `Advertising ${chosen.address}, the ${chosen.family} address of ${chosen.interface}: ${asked}.`,
      rejected,
    };
  }
  if (options.allowLoopback === true && options.interface === undefined) {
    return {
      host: '127.0.0.1',
      reason:
        'Advertising 127.0.0.1: no other address is suitable, and this registry serves one machine only.',
      rejected,
    };
  }
  throw noneFound(options.interface, rejected);
}

interface Address {
  readonly address: string;
  readonly interface: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly internal: boolean;
}

/** In the order of choice. Link-local IPv6 addresses carry a zone (`%eth0`) in some systems; it means nothing elsewhere. */
function addresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Address[] {
  return Object.entries(interfaces)
    .flatMap(([name, infos]) =>
      (infos ?? []).map(({ address, family, internal }) => ({
        address: address.replace(/%.*$/, ''),
        interface: name,
        family,
        internal,
      })),
    )
    .toSorted(
      (a, b) =>
        compare(a.family, b.family) ||
        naturally.compare(a.interface, b.interface) ||
        compare(a.address, b.address),
    );
}

/** `eth2` stands before `eth10`, in every locale. */
const naturally = new Intl.Collator('en', { numeric: true });

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const UNSPECIFIED = blockList(['0.0.0.0/32', '::/128']);
const LOOPBACK = blockList(['127.0.0.0/8', '::1/128']);
/** RFC 3927 and RFC 4291: they hold on one link only, and need a zone. */
const LINK_LOCAL = blockList(['169.254.0.0/16', 'fe80::/10']);

/** Interfaces that lead to containers and virtual machines of this host, as their software names them. */
const BRIDGES =
  /^(?:docker|br-|veth|cni|flannel|virbr|podman|cali|lxc|lxd|vmnet|vboxnet|weave|cilium|kube-|nodelocaldns|vEthernet|bridge\d)/i;

function problemOf(address: Address): string | undefined {
  if (address.internal || inList(LOOPBACK, address.address))
    return 'loopback: reachable from this machine only';
  if (inList(UNSPECIFIED, address.address)) return 'unspecified: it is no address to connect to';
  if (inList(LINK_LOCAL, address.address)) return 'link-local: reachable on one network link only';
  if (BRIDGES.test(address.interface)) return 'a bridge to containers or virtual machines on this machine';
  return undefined;
}

function outside(wanted: string): (address: Address) => string | undefined {
  if (!wanted.includes('/'))
    return (address) => (address.interface === wanted ? undefined : `not on ${wanted}`);
  const range = blockList([wanted]);
  return ({ address }) => (inList(range, address) ? undefined : `not in ${wanted}`);
}

function given(host: string): AdvertiseChoice {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (bare === '' || bare === '*' || inList(UNSPECIFIED, bare)) {
    throw refuse(
      'host',
      `host is ${JSON.stringify(host)}, which a server listens on but nobody can connect to: set it to the address that callers reach, or leave it out to have one found`,
    );
  }
  if (bare.includes('%')) {
    throw refuse(
      'host',
      `host is ${JSON.stringify(host)}: a zone (%…) means something on this machine only, use an address without one`,
    );
  }
  return { host: bare, reason: `Advertising ${bare}: it was given.`, rejected: [] };
}

function inList(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    const version = isIP(network);
    const most = version === 6 ? 128 : 32;
    if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
      throw refuse(
        'interface',
        `interface is ${JSON.stringify(range)}, which is neither a name (eth0) nor a range (10.0.0.0/8)`,
      );
    }
    list.addSubnet(network, Number(bits), version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function noneFound(wanted: string | undefined, rejected: readonly RejectedAddress[]): RegistryError {
  const seen = rejected.map(({ address, interface: name, why }) => `${address} on ${name} (${why})`);
  const where =
    wanted === undefined
      ? 'this machine has no address that other machines can reach'
      : `no address fits interface ${wanted}`;
  const passedOver = seen.length === 0 ? '' : ` Passed over: ${seen.join('; ')}.`;
  return refuse(
    'host',
    `No host to advertise: ${where}. Set service.host (or host, in code) to the one that callers reach.${passedOver}`,
  );
}

function refuse(field: string, message: string): RegistryError {
  return new RegistryError('INVALID_ARGUMENT', message, { field });
}
