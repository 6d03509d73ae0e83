import type { Dispatcher } from 'undici';

type Headers = Dispatcher.DispatchOptions['headers'];

/** The headers with the name that was called, unless they have one: the server may serve several. */
export function withHost(headers: Headers, host: string): Headers {
  if (!headers) return { host };
  if (Array.isArray(headers) || Symbol.iterator in headers) {
    const pairs = pairsOf(headers);
    if (pairs.some(([name]) => isHost(name))) return headers;
    return [
      ...pairs.flatMap(([name, value]) => [value].flat().flatMap((each) => [name, each])),
      'host',
      host,
    ];
  }
  // A list is made more quickly than an object with names that differ from call to call, and undici reads it more quickly.
  const list: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (isHost(name)) return headers;
    if (Array.isArray(value)) for (const each of value) list.push(name, each);
    else if (value !== undefined) list.push(name, value);
  }
  list.push('host', host);
  return list;
}

/** The headers with others in place of those of the same names. */
export function withOthers(headers: Headers, others: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(others);
  const list: string[] = [];
  if (Array.isArray(headers)) {
    // As `withHost` leaves them.
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] ?? '';
      if (!names.some((other) => isSameName(name, other))) list.push(name, headers[i + 1] ?? '');
    }
  } else {
    for (const [name, value] of pairsOf(headers)) {
      if (names.some((other) => isSameName(name, other))) continue;
      for (const each of [value].flat()) list.push(name, each);
    }
  }
  for (const name of names) list.push(name, others[name] ?? '');
  return list;
}

function isSameName(one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}

function isHost(name: string): boolean {
  return isSameName(name, 'host');
}

/** Names in lower case; of those that stand more than once, all values. */
export function headersOf(headers: Headers): Readonly<Record<string, string | undefined>> {
  const found: Record<string, string> = {};
  for (const [name, value] of pairsOf(headers)) {
    const key = name.toLowerCase();
    const text = [value].flat().join(', ');
    found[key] = found[key] === undefined ? text : `${found[key]}, ${text}`;
  }
  return found;
}

function pairsOf(headers: Headers): readonly (readonly [string, string | string[]])[] {
  if (!headers) return [];
  if (Array.isArray(headers)) {
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i] ?? '', headers[i + 1] ?? '']);
    return pairs;
  }
  const entries = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}
