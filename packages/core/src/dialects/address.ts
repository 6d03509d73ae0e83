import { RegistryError } from '../errors.ts';

/** Where an instance is reached. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @throws {RegistryError} `PROTOCOL` for anything but `host:port`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/u.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (!match || host === undefined) throw new RegistryError('PROTOCOL', 'the address is not host:port');
  return { host, port: Number(match[3]) };
}
