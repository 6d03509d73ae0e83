import { RegistryError } from './errors.ts';

/** Where something is reached. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads what {@link formatAddress} wrote; `undefined` for anything else. */
export function readAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\s/?#@[\]]+)\]|([^\s/?#@[\]:]+)):(\d{1,5})$/u.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}

/** As {@link readAddress}. @throws {RegistryError} `PROTOCOL` for anything but `host:port`. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (!address) throw new RegistryError('PROTOCOL', 'the address is not host:port');
  return address;
}
