import {
  Component,
  type ComponentChildren,
  createRef,
  type JSX,
  type RefObject,
  type TargetedKeyboardEvent,
} from 'preact';
import { wantsStillness } from './narrow.ts';

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** A track of CSS grid that doesn't depend on the content: rows are grids of their own. */
  readonly track: string;
  readonly end?: boolean;
  readonly sortable?: boolean;
  cell(row: T): ComponentChildren;
}

export interface GridProps<T> {
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly rowHeight: number;
  /** Where Enter and a click lead. */
  readonly onOpen: (row: T) => void;
  readonly keyOf: (row: T) => string;
  /** The key of the row that arrow keys start from. */
  readonly active: string | undefined;
  readonly onActive: (key: string) => void;
  readonly sort?: { readonly by: string; readonly descending: boolean };
  readonly onSort?: (by: string) => void;
  /** When the row changed under the eyes of the reader, in ms of the monotonic clock: it lights up shortly. */
  readonly changedAt?: (row: T) => number;
  readonly gridRef?: RefObject<HTMLDivElement | null>;
}

interface Viewport {
  readonly first: number;
  readonly last: number;
}

/** Rows beyond both edges, so that a scroll doesn't show a gap. */
const OVERSCAN = 10;

/**
 * A table of any length: only the rows in sight are in the page. It is one stop for the Tab key; arrows, Page Up and Down, Home
 * and End move in it, Enter opens.
 */
export class Grid<T> extends Component<GridProps<T>, Viewport> {
  override state: Viewport = { first: 0, last: 60 };
  readonly #own = createRef<HTMLDivElement | null>();
  #observer: ResizeObserver | undefined;
  #activeIndex = -1;

  get #scroller(): HTMLDivElement | null {
    return (this.props.gridRef ?? this.#own).current;
  }

  override componentDidMount(): void {
    this.#observer = new ResizeObserver(this.#look);
    if (this.#scroller) this.#observer.observe(this.#scroller);
    this.#look();
    if (this.#indexOfActive() > 0) this.#reveal(this.#activeIndex);
  }

  override componentWillUnmount(): void {
    this.#observer?.disconnect();
  }

  readonly #look = (): void => {
    const scroller = this.#scroller;
    if (!scroller) return;
    const { rowHeight } = this.props;
    const first = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - OVERSCAN);
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + OVERSCAN;
    // By steps: most scroll events then change nothing.
    const steps = { first: first - (first % 8), last: last + 8 - (last % 8) };
    if (steps.first !== this.state.first || steps.last !== this.state.last) this.setState(steps);
  };

  readonly #onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const { rows, keyOf, onActive, onOpen } = this.props;
    const at = this.#indexOfActive();
    if (event.key === 'Enter' || event.key === ' ') {
      const row = rows[at];
      if (row === undefined) return;
      event.preventDefault();
      onOpen(row);
      return;
    }
    const to = this.#target(event.key, at);
    if (to === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (row === undefined) return;
    this.#activeIndex = index;
    onActive(keyOf(row));
    this.#reveal(index);
  };

  #target(key: string, at: number): number | undefined {
    const page = Math.max(1, Math.floor((this.#scroller?.clientHeight ?? 0) / this.props.rowHeight) - 2);
    switch (key) {
      case 'ArrowDown':
      case 'j':
        return at + 1;
      case 'ArrowUp':
      case 'k':
        return at === -1 ? 0 : at - 1;
      case 'PageDown':
        return at + page;
      case 'PageUp':
        return at - page;
      case 'Home':
        return 0;
      case 'End':
        return this.props.rows.length - 1;
      default:
        return undefined;
    }
  }

  #reveal(index: number): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    const { rowHeight } = this.props;
    const head = scroller.querySelector<HTMLElement>('.grid-head')?.offsetHeight ?? 0;
    const top = index * rowHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + rowHeight > scroller.scrollTop + scroller.clientHeight - head)
      scroller.scrollTop = top + rowHeight - scroller.clientHeight + head;
    this.#look();
  }

  #indexOfActive(): number {
    const { rows, active, keyOf } = this.props;
    if (active === undefined) return -1;
    const known = rows[this.#activeIndex];
    if (known === undefined || keyOf(known) !== active)
      this.#activeIndex = rows.findIndex((row) => keyOf(row) === active);
    return this.#activeIndex;
  }

  override render(): JSX.Element {
    const { label, rows, columns, rowHeight, keyOf, sort, onSort, changedAt, gridRef } = this.props;
    const first = Math.max(0, Math.min(this.state.first, rows.length - 1));
    const shown = rows.slice(first, this.state.last);
    const active = this.#indexOfActive();
    const inSight = active >= first && active < first + shown.length;
    return (
      <div
        class="grid"
        role="grid"
        tabIndex={0}
        ref={gridRef ?? this.#own}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        aria-activedescendant={inSight ? `row-${active}` : undefined}
        style={{ '--columns': columns.map(({ track }) => track).join(' '), '--row-height': `${rowHeight}px` }}
        onScroll={this.#look}
        onKeyDown={this.#onKeyDown}
      >
        <div class="grid-head" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <Heading key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
        </div>
        <div class="grid-body" role="rowgroup" style={{ height: `${rows.length * rowHeight}px` }}>
          {shown.map((row, i) => (
            <GridRow
              key={keyOf(row)}
              row={row}
              index={first + i}
              top={(first + i) * rowHeight}
              columns={columns}
              active={first + i === active}
              changedAt={changedAt?.(row) ?? 0}
              onOpen={this.#onOpen}
            />
          ))}
        </div>
      </div>
    );
  }

  readonly #onOpen = (row: T): void => {
    this.props.onActive(this.props.keyOf(row));
    this.props.onOpen(row);
  };
}

interface HeadingProps<T> {
  readonly column: Column<T>;
  readonly sort: GridProps<T>['sort'];
  readonly onSort: GridProps<T>['onSort'];
}

function Heading<T>({ column: { id, title, end, sortable }, sort, onSort }: HeadingProps<T>): JSX.Element {
  const sorted = sort?.by === id ? (sort.descending ? 'descending' : 'ascending') : undefined;
  return (
    <div
      class={`cell cell-${id}${end ? ' end' : ''}`}
      role="columnheader"
      aria-sort={sortable ? (sorted ?? 'none') : undefined}
    >
      {sortable && onSort ? (
        <button type="button" class="sorter" onClick={() => onSort(id)}>
          {title}
          <span class={`order ${sorted ?? ''}`} aria-hidden="true" />
        </button>
      ) : (
        title
      )}
    </div>
  );
}

interface RowProps<T> {
  readonly row: T;
  readonly index: number;
  readonly top: number;
  readonly columns: readonly Column<T>[];
  readonly active: boolean;
  readonly changedAt: number;
  readonly onOpen: (row: T) => void;
}

/** Draws itself only when something of it changed: one live change is one row's work. */
class GridRow<T> extends Component<RowProps<T>> {
  readonly #element = createRef<HTMLDivElement | null>();

  override componentDidMount(): void {
    if (performance.now() - this.props.changedAt < 1_000) this.#light();
  }

  override componentDidUpdate(before: RowProps<T>): void {
    if (before.row !== this.props.row && this.props.changedAt > before.changedAt) this.#light();
  }

  override shouldComponentUpdate(next: RowProps<T>): boolean {
    const { row, top, columns, active } = this.props;
    return next.row !== row || next.top !== top || next.columns !== columns || next.active !== active;
  }

  #light(): void {
    const element = this.#element.current;
    if (!element || this.props.changedAt === 0 || wantsStillness()) return;
    const colour = getComputedStyle(element).getPropertyValue('--lit');
    element.animate([{ backgroundColor: colour }, { backgroundColor: 'transparent' }], {
      duration: 1_800,
      easing: 'ease-out',
    });
  }

  override render(): JSX.Element {
    const { row, index, top, columns, active, onOpen } = this.props;
    return (
      <div
        class={active ? 'grid-row active' : 'grid-row'}
        role="row"
        id={`row-${index}`}
        ref={this.#element}
        aria-rowindex={index + 2}
        aria-selected={active}
        style={{ transform: `translateY(${top}px)` }}
        onClick={(event) => {
          if (!(event.ctrlKey || event.metaKey || event.shiftKey)) onOpen(row);
        }}
      >
        {columns.map((column) => (
          <div key={column.id} class={`cell cell-${column.id}${column.end ? ' end' : ''}`} role="gridcell">
            {column.cell(row)}
          </div>
        ))}
      </div>
    );
  }
}
