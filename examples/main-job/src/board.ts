import { narrate, type Narration } from './narration.ts';
import type { CallCounts, ListedInstance, StoryEvent } from './story-event.ts';

/** One instance that was ever listed, or started. */
export interface Row {
  readonly id: string;
  pid: number;
  /** `starting` and `gone` are ours; all else is what the registry says. */
  status: string;
  /** When it came to have this status, in milliseconds since the beginning. */
  sinceMs: number;
  /** Whether its process runs, and how it ended. */
  process: 'running' | 'killed' | 'ended';
  answers: number;
  perSecond: number;
}

export interface Told extends Narration {
  readonly atMs: number;
}

/** Calls a second are those of this long, in milliseconds. */
const RATE_MS = 1_500;

/** What there is to see: the sum of all that happened so far. */
export class Board {
  readonly told: Told[] = [];
  readonly rows = new Map<string, Row>();
  registry = '';
  ttlMs = 0;
  counts: CallCounts = { calls: 0, retried: 0, failed: 0, byInstance: {} };
  /** The story is over and all leave, the caller too: the table stays as it was. */
  #closing = false;
  readonly #reports: { readonly atMs: number; readonly byInstance: Readonly<Record<string, number>> }[] = [];

  apply(event: StoryEvent, atMs: number): void {
    const told = narrate(event);
    if (told) this.told.push({ ...told, atMs });
    if (event.event === 'closing' || event.event === 'aborted') this.#closing = true;
    if (event.event === 'began') {
      this.registry = event.registry;
      this.ttlMs = event.ttlMs;
    } else if (event.event === 'process-started') {
      if (event.id !== 'caller') this.#row(event.id, atMs).pid = event.pid;
    } else if (event.event === 'process-ended') {
      const row = this.rows.get(event.id);
      if (row && !this.#closing) row.process = event.signal === 'SIGKILL' ? 'killed' : 'ended';
    } else if (event.event === 'list') {
      if (!this.#closing) this.#list(event.instances, atMs);
    } else if (event.event === 'calls') {
      this.#count(event, atMs);
    }
  }

  #list(instances: readonly ListedInstance[], atMs: number): void {
    const listed = new Map(instances.map(({ id, status }) => [id, status]));
    for (const row of this.rows.values()) {
      const status = listed.get(row.id) ?? (row.status === 'starting' ? 'starting' : 'gone');
      if (status !== row.status) row.sinceMs = atMs;
      row.status = status;
    }
  }

  #row(id: string, atMs: number): Row {
    let row = this.rows.get(id);
    if (!row) {
      row = { id, pid: 0, status: 'starting', sinceMs: atMs, process: 'running', answers: 0, perSecond: 0 };
      this.rows.set(id, row);
    }
    return row;
  }

  #count(counts: CallCounts, atMs: number): void {
    this.counts = counts;
    this.#reports.push({ atMs, byInstance: counts.byInstance });
    while (this.#reports.length > 2 && (this.#reports[1]?.atMs ?? atMs) <= atMs - RATE_MS)
      this.#reports.shift();
    const [oldest] = this.#reports;
    if (!oldest) return;
    const spanSeconds = (atMs - oldest.atMs) / 1_000;
    for (const row of this.rows.values()) {
      row.answers = counts.byInstance[row.id] ?? 0;
      const before = oldest.byInstance[row.id] ?? 0;
      if (!this.#closing && spanSeconds > 0) row.perSecond = (row.answers - before) / spanSeconds;
    }
  }
}
