import type { RegistryKind } from './registry-kind.ts';
import type { Settings } from './settings.ts';

/** What a recovery may have to wait for; `docs/reliability.md` explains each to users, who compute their own bound. */
export type Term =
  | 'beat'
  | 'look'
  | 'request'
  | 'backoff'
  | 'first backoff'
  | 'reconnect'
  | 'election'
  | 'hold'
  | 'seen'
  | 'fill'
  | 'TTL'
  | 'crash';

/** Within how long after its end a fault is healed. */
export interface Bound {
  readonly ms: number;
  /** Such as `reconnect + request + 2 × backoff`; the allowance for a busy machine comes on top. */
  readonly formula: string;
}

export function boundOf(terms: readonly Term[], settings: Settings, kind: RegistryKind): Bound {
  return {
    ms: terms.reduce((sum, term) => sum + lengthOf(term, settings, kind), settings.allowanceMs),
    formula: formulaOf(terms),
  };
}

/** The same for every registry; what each term is on it, {@link lengthOf} says. */
export function formulaOf(terms: readonly Term[]): string {
  const counts = new Map<Term, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return Array.from(counts, ([term, count]) => (count === 1 ? term : `${count} × ${term}`)).join(' + ');
}

/** The longest age that a list has while all is well: a relist, spread by a fifth, confirms it. */
export function healthyAgeMs({ relistIntervalMs, allowanceMs }: Settings): number {
  return relistIntervalMs * 1.2 + allowanceMs;
}

/** In milliseconds. */
export function lengthOf(term: Term, settings: Settings, kind: RegistryKind): number {
  switch (term) {
    case 'beat':
      // A third of the TTL, spread by a tenth.
      return (settings.ttlMs / 3) * 1.1;
    case 'look':
      // Spread by a fifth.
      return settings.verifyIntervalMs * 1.2;
    case 'request':
      return settings.requestTimeoutMs;
    case 'backoff':
      return settings.backoff.capMs;
    case 'first backoff':
      return settings.backoff.baseMs;
    case 'reconnect':
      return kind.reconnectMs;
    case 'election':
      return kind.electionMs;
    case 'hold':
      return settings.holdMs;
    case 'seen':
      return kind.seenMs;
    case 'fill':
      return kind.fillMs ?? 0;
    case 'TTL':
      return settings.ttlMs;
    case 'crash':
      return kind.crashSlackMs;
    default:
      return term satisfies never;
  }
}
