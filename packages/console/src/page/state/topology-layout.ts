import type { Crossing, NamespaceView, ServiceCount, Topology } from '../api/wire.ts';
import { type End, endOf } from './ends.ts';

/** A namespace in the picture. */
export interface Box {
  readonly namespace: NamespaceView;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly services: readonly Line[];
  /** How many more there are than the box shows. */
  readonly more: number;
}

/** A service in its box. */
export interface Line {
  readonly service: ServiceCount;
  /** The middle of its line, from the top of the picture. */
  readonly y: number;
}

/** An allowed way from one box to another. */
export interface Arrow {
  readonly crossing: Crossing;
  readonly path: string;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

const BOX_WIDTH = 232;
const WIDEST_BOX = 420;
export const HEAD_HEIGHT = 40;
export const LINE_HEIGHT = 26;
const FOOT = 8;
const GAP_X = 112;
const GAP_Y = 24;
const MARGIN = 12;
/** Room for arrows between boxes that stand above each other. */
const ARC = 56;
const MOST_SERVICES = 10;

/**
 * Places the namespaces in columns so that crossings lead from left to right where they can: each stands one column behind the
 * furthest of those that may call it. In a narrow picture they stand above each other.
 */
export function layOut(topology: Topology, width: number): Picture {
  const columnsThatFit = Math.max(1, Math.floor((width - 2 * MARGIN + GAP_X) / (BOX_WIDTH + GAP_X)));
  const columns = columnsOf(topology, columnsThatFit);
  const boxWidth =
    columnsThatFit === 1 ? Math.max(BOX_WIDTH, Math.min(WIDEST_BOX, width - 2 * MARGIN - ARC)) : BOX_WIDTH;
  const named = new Set(
    topology.crossings.flatMap(({ from, to }) => [from, to].map((end) => serviceKey(endOf(end)))),
  );
  const boxes = new Map<string, Box>();
  let height = 0;
  for (const [i, column] of columns.entries()) {
    const x = MARGIN + i * (boxWidth + GAP_X);
    let y = MARGIN;
    for (const namespace of column) {
      const box = boxAt(namespace, { x, y, width: boxWidth }, named);
      boxes.set(namespace.name, box);
      y += box.height + GAP_Y;
    }
    height = Math.max(height, y - GAP_Y + MARGIN);
  }
  const arrows = topology.crossings.flatMap((crossing) => arrowOf(crossing, boxes));
  const used = columns.length * (boxWidth + GAP_X) - GAP_X + 2 * MARGIN + ARC;
  return { width: used, height, boxes: [...boxes.values()], arrows };
}

function columnsOf({ namespaces, crossings }: Topology, most: number): NamespaceView[][] {
  const depths = new Map(namespaces.map(({ name }) => [name, 0]));
  const ways = crossings.map(({ from, to }) => [endOf(from).namespace, endOf(to).namespace] as const);
  // Each pass moves what is called behind its callers. Circles end by the limit.
  for (let pass = 0; pass < Math.min(namespaces.length, most); pass++) {
    for (const [from, to] of ways) {
      const [before, behind] = [depths.get(from), depths.get(to)];
      if (from !== to && before !== undefined && behind !== undefined)
        depths.set(to, Math.min(most - 1, Math.max(behind, before + 1)));
    }
  }
  const alone = namespaces.filter(({ name }) => !ways.some(([from, to]) => from === name || to === name));
  const columns = Array.from({ length: most }, (): NamespaceView[] => []);
  for (const namespace of namespaces)
    if (!alone.includes(namespace)) columns[depths.get(namespace.name) ?? 0]?.push(namespace);
  // Those without a crossing go wherever there is most room.
  for (const namespace of alone) shortest(columns).push(namespace);
  return columns.filter((column) => column.length > 0);
}

function shortest(columns: readonly NamespaceView[][]): NamespaceView[] {
  const lines = (column: readonly NamespaceView[]): number =>
    column.reduce((sum, { services }) => sum + 3 + Math.min(services.length, MOST_SERVICES), 0);
  return columns.reduce((best, column) => (lines(column) < lines(best) ? column : best));
}

function boxAt(
  namespace: NamespaceView,
  { x, y, width }: Pick<Box, 'x' | 'y' | 'width'>,
  named: ReadonlySet<string>,
): Box {
  // A box too long for all shows those with a crossing, and those that are not well.
  const rank = ({ name, up, total }: ServiceCount): number =>
    named.has(serviceKey({ namespace: namespace.name, service: name })) ? 0 : up < total ? 1 : 2;
  const shown = namespace.services
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, MOST_SERVICES)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const more = namespace.services.length - shown.length;
  const lines = Math.max(1, shown.length + (more > 0 ? 1 : 0));
  return {
    namespace,
    x,
    y,
    width,
    height: HEAD_HEIGHT + lines * LINE_HEIGHT + FOOT,
    services: shown.map((service, i) => ({ service, y: y + HEAD_HEIGHT + (i + 0.5) * LINE_HEIGHT })),
    more,
  };
}

function arrowOf(crossing: Crossing, boxes: ReadonlyMap<string, Box>): Arrow[] {
  const from = boxes.get(endOf(crossing.from).namespace);
  const to = boxes.get(endOf(crossing.to).namespace);
  if (!from || !to || from === to) return [];
  const [y1, y2] = [portOf(crossing.from, from), portOf(crossing.to, to)];
  if (from.x < to.x) {
    const [x1, x2] = [from.x + from.width, to.x - 3];
    const bend = (x2 - x1) / 2;
    return [{ crossing, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }];
  }
  if (from.x > to.x) {
    const [x1, x2] = [from.x, to.x + to.width + 3];
    const bend = (x1 - x2) / 2;
    return [{ crossing, path: `M${x1} ${y1}C${x1 - bend} ${y1} ${x2 + bend} ${y2} ${x2} ${y2}` }];
  }
  const [x1, x2] = [from.x + from.width, to.x + to.width + 3];
  return [{ crossing, path: `M${x1} ${y1}C${x1 + ARC} ${y1} ${x2 + ARC} ${y2} ${x2} ${y2}` }];
}

/** Where an arrow touches the box: at the line of its service, else at the head. */
function portOf(end: string, box: Box): number {
  const { service } = endOf(end);
  const line = box.services.find((one) => one.service.name === service);
  return line?.y ?? box.y + HEAD_HEIGHT / 2;
}

function serviceKey({ namespace, service }: End): string {
  return `${namespace}\n${service ?? ''}`;
}
