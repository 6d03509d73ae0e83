import { describeEvent, type RegistryEvent, type ServiceInstance, type Snapshot } from '@rollcall/core';
import { cut } from './cut.ts';
import { formatDuration } from './duration.ts';
import { byId, INSTANCE_COLUMNS, instanceCells, statusWords } from './instance-rows.ts';
import type { ListChange } from './list-changes.ts';
import { coloursOf, count, sizeOf } from './output.ts';
import { printable } from './printable.ts';
import { tableLines, type Cell, type Column } from './table.ts';
import type { WatchedService, WatchView } from './watch-view.ts';

/** A row that changed is marked for so long, in milliseconds. */
const MARKED_MS = 8_000;

/** The age of a list is drawn anew so often, in milliseconds. */
const REDRAW_MS = 1_000;

/** Lines that aren't rows: two at the top and an empty one, the titles, an empty one and the foot. */
const OTHER_LINES = 6;

/** The other screen of a terminal, without cursor; and back. https://invisible-island.net/xterm/ctlseqs/ctlseqs.html */
const ENTER = '\u{1b}[?1049h\u{1b}[?25l';
const LEAVE = '\u{1b}[?25h\u{1b}[?1049l';
const HOME = '\u{1b}[H';
const END_OF_LINE = '\u{1b}[K';
const END_OF_SCREEN = '\u{1b}[J';

interface Mark {
  readonly change: ListChange['change'];
  readonly until: number;
}

/** A table that is drawn in place: for a terminal. Its last state stays there when the watch ends. */
export function liveScreen(service: WatchedService, terminal: NodeJS.WriteStream): WatchView {
  const colours = coloursOf(terminal);
  const marks = new Map<string, Mark>();
  const gone = new Map<string, ServiceInstance>();
  let snapshot: Snapshot | undefined;
  let note = '';

  const sweep = (): void => {
    const now = performance.now();
    for (const [id, { until }] of marks) {
      if (until > now) continue;
      marks.delete(id);
      gone.delete(id);
    }
  };

  const draw = (): void => {
    sweep();
    const { columns, rows } = sizeOf(terminal);
    const lines = screenLines(columns, rows).map((line) => `${line}${END_OF_LINE}`);
    terminal.write(`${HOME}${lines.join('\n')}${END_OF_SCREEN}`);
  };

  const screenLines = (columns: number, rows: number): string[] => [
    ...head(columns),
    ...table(columns, rows - OTHER_LINES),
    '',
    colours.dim(cut('Ctrl-C ends', columns)),
  ];

  const head = (columns: number): string[] => {
    const name = printable(service.key.service);
    const listed = snapshot?.instances ?? [];
    const title = snapshot
      ? `${name}  ${count(listed.length, 'instance')}${listed.length > 0 ? `: ${statusWords(listed)}` : ''}`
      : name;
    const { text, style } = state();
    return [colours.bold(cut(title, columns)), style(cut(printable(text), columns)), ''];
  };

  const state = (): { readonly text: string; readonly style: (text: string) => string } => {
    const because = service.error ? `: ${service.error.message}` : '';
    const age = !snapshot || snapshot.ageMs < 2_000 ? 'just now' : `${formatDuration(snapshot.ageMs)} ago`;
    if (service.status === 'connecting' || !snapshot)
      return { text: `connecting to the registry${because}`, style: colours.yellow };
    if (service.status === 'stale')
      return { text: `STALE, the registry confirmed this list ${age}${because}`, style: colours.red };
    if (snapshot.source === 'held')
      return {
        text: `HELD, ${note === '' ? 'the registry dropped instances' : note}`,
        style: colours.yellow,
      };
    return { text: `live, confirmed ${age}${note === '' ? '' : `; ${note}`}`, style: colours.green };
  };

  const table = (columns: number, room: number): string[] => {
    const all = byId([...(snapshot?.instances ?? []), ...gone.values()]);
    if (all.length === 0) return snapshot ? ['no instance is listed'] : [];
    const shown = all.length > room ? all.slice(0, Math.max(0, room - 1)) : all;
    const cells = shown.map((instance) => [markCell(instance.id), ...rowCells(instance)]);
    const lines = tableLines(COLUMNS, cells, { width: columns, title: colours.dim });
    if (shown.length < all.length)
      lines.push(colours.dim(cut(`… and ${all.length - shown.length} more`, columns)));
    return lines;
  };

  const rowCells = (instance: ServiceInstance): readonly Cell[] => {
    const cells = instanceCells(instance, colours);
    return gone.has(instance.id) ? cells.map(({ text }) => ({ text, style: colours.dim })) : cells;
  };

  /** There is always something in it, so that the table doesn't move when the last mark goes. */
  const markCell = (id: string): Cell => {
    const change = marks.get(id)?.change;
    if (change === 'listed') return { text: '+', style: colours.green };
    if (change === 'changed') return { text: '~', style: colours.yellow };
    if (change === 'gone') return { text: '-', style: colours.red };
    return { text: ' ' };
  };

  terminal.write(ENTER);
  draw();
  terminal.on('resize', draw);
  const ticking = setInterval(draw, REDRAW_MS);
  // Whatever ends the process: the user gets the terminal back as it was.
  const restore = (): void => void terminal.write(LEAVE);
  process.on('exit', restore);

  return {
    onList(next, changes) {
      const isFirst = snapshot === undefined;
      snapshot = next;
      if (next.source !== 'held') note = '';
      for (const { change, instance } of changes) {
        if (isFirst) continue;
        marks.set(instance.id, { change, until: performance.now() + MARKED_MS });
        if (change === 'gone') gone.set(instance.id, instance);
        else gone.delete(instance.id);
      }
      draw();
    },
    onEvent(event: RegistryEvent) {
      if (NOTED.has(event.type)) note = describeEvent(event).message;
      draw();
    },
    close(error) {
      clearInterval(ticking);
      terminal.off('resize', draw);
      process.off('exit', restore);
      restore();
      if (!error && snapshot) {
        // The last state, in the scrollback: without marks, and whole.
        marks.clear();
        gone.clear();
        const { columns } = sizeOf(terminal);
        const lines = [...head(columns), ...table(columns, Infinity)];
        terminal.write(`${lines.join('\n')}\n`);
      }
    },
  };
}

const COLUMNS: readonly Column[] = [{ title: '' }, ...INSTANCE_COLUMNS];

/** Events that stand in the second line until the next list. */
const NOTED: ReadonlySet<RegistryEvent['type']> = new Set<RegistryEvent['type']>([
  'list-held',
  'list-released',
  'list-expired',
  'entry-skipped',
  'warning',
]);
