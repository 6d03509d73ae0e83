import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Api } from '../api/api.ts';
import type { Me } from '../api/wire.ts';
import { grouped } from '../parts/age.ts';
import { Grid } from '../parts/grid.tsx';
import { narrow } from '../parts/narrow.ts';
import { Loading, Notice, Refused } from '../parts/notice.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { STATUS_WORDS, StatusShape } from '../parts/status-mark.tsx';
import { connection } from '../state/connection.ts';
import { type Filter, type Row, type SortField, STATUS_ORDER } from '../state/instance-table.ts';
import { go, hashOf } from '../state/route.ts';
import { ServiceFeed } from '../state/service-feed.ts';
import { may } from '../state/session.ts';
import { ChangeDialog, type Intent } from './change-dialog.tsx';
import { InstancePanel } from './instance-panel.tsx';
import { columnsFor, filledIn } from './instance-columns.tsx';
import { listen } from './shortcuts.tsx';

interface Props {
  readonly me: Me;
  readonly api: Api;
  readonly namespace: string;
  readonly service: string;
  readonly id: string | undefined;
}

/** The instances of a service, live. */
export function InstancesView({ me, api, namespace, service, id }: Props): JSX.Element {
  const feed = useFeed(api, namespace, service);
  const [filter, setFilter] = useState<Filter>({ words: '', status: undefined });
  const [sort, setSort] = useState<{ by: SortField; descending: boolean }>({ by: 'id', descending: false });
  const [active, setActive] = useState(id);
  const [intent, setIntent] = useState<{ intent: Intent; id: string }>();
  const grid = useRef<HTMLDivElement>(null);
  const version = feed?.version.value ?? 0;
  const table = feed?.table;

  const rows = useMemo(() => table?.select(filter) ?? [], [table, version, filter, sort]);
  const counts = useMemo(() => table?.counts(), [table, version]);
  const filled = useMemo(
    () => (table ? filledIn(table.select({ words: '', status: undefined })) : ''),
    [table, version],
  );
  const columns = useMemo(
    () => columnsFor(namespace, service, filled, id !== undefined),
    [namespace, service, filled, id === undefined],
  );
  const selected = id === undefined ? undefined : table?.row(id);

  // Whoever is told the owner of an instance may override it.
  const mayOverride = ({ instance }: Row): boolean =>
    may(me, 'override', namespace) || instance.owner !== undefined;
  const close = (): void => go({ view: 'instances', namespace, service, id: undefined });
  const before = useRef(id);
  useLayoutEffect(() => {
    // Once the details are gone, which also the way back does: until then a narrow window doesn't show the table.
    if (id === undefined && before.current !== undefined) grid.current?.focus();
    before.current = id;
  }, [id]);
  useEffect(() => {
    const target = id ?? active;
    const begin = (what: Intent) => () => {
      const row = target === undefined ? undefined : feed?.table.row(target);
      if (row && mayOverride(row)) setIntent({ intent: what, id: row.instance.id });
    };
    return listen({
      d: begin('drain'),
      e: begin('enable'),
      w: begin('weight'),
      Escape: () => (id === undefined ? go({ view: 'services', namespace }) : close()),
    });
  }, [id, active, feed]);

  const state = connection.value;
  return (
    <>
      <div class="bar">
        <nav class="crumbs" aria-label="Where this is">
          <a href={hashOf({ view: 'services', namespace })}>
            <span class="name">{namespace}</span>
          </a>
          <span aria-hidden="true">/</span>
          <h1 class="name">{service}</h1>
        </nav>
        {table && version > 0 && (
          <div class="chips" role="group" aria-label="Show by status">
            <button
              type="button"
              class="chip"
              aria-pressed={filter.status === undefined}
              onClick={() => setFilter({ ...filter, status: undefined })}
            >
              All <span class="tabular">{grouped(table.size)}</span>
            </button>
            {STATUS_ORDER.toReversed()
              .filter((status) => counts?.has(status))
              .map((status) => (
                <button
                  key={status}
                  type="button"
                  class="chip"
                  aria-pressed={filter.status === status}
                  onClick={() =>
                    setFilter({ ...filter, status: filter.status === status ? undefined : status })
                  }
                >
                  <StatusShape status={status} />
                  {STATUS_WORDS[status]} <span class="tabular">{grouped(counts?.get(status) ?? 0)}</span>
                </button>
              ))}
          </div>
        )}
        <div class="bar-end">
          <SearchField
            label="Search instances"
            value={filter.words}
            onInput={(words) => setFilter({ ...filter, words })}
          />
        </div>
      </div>
      <div class={id === undefined ? 'split' : 'split with-panel'}>
        {state.is === 'refused' ? (
          <Refused error={state.error} what={`service ${service}`} subject={me.subject} roles={me.roles} />
        ) : !table || version === 0 ? (
          <Loading what="instances" />
        ) : table.size === 0 ? (
          <Notice title="No instance is listed">
            <p>
              Nobody has registered <b class="name">{service}</b> in <b class="name">{namespace}</b>, or all
              have left. This page shows the first one as it comes.
            </p>
          </Notice>
        ) : rows.length === 0 ? (
          <Notice title="No instance fits">
            <p>
              <button type="button" onClick={() => setFilter({ words: '', status: undefined })}>
                Show all {grouped(table.size)}
              </button>
            </p>
          </Notice>
        ) : (
          <Grid<Row>
            label={`Instances of ${service}`}
            gridRef={grid}
            rows={rows}
            columns={columns}
            rowHeight={narrow.value ? 60 : 34}
            keyOf={keyOf}
            changedAt={changedAt}
            active={active}
            onActive={setActive}
            onOpen={(row) => go({ view: 'instances', namespace, service, id: row.instance.id })}
            sort={sort}
            onSort={(by) => {
              const next = { by: by as SortField, descending: sort.by === by && !sort.descending };
              table.sortBy(next);
              setSort(next);
            }}
          />
        )}
        {id !== undefined && table && version > 0 && (
          <InstancePanel
            key={id}
            id={id}
            instance={selected?.instance}
            share={
              selected && selected.instance.status === 'UP'
                ? table.share(id, selected.instance.weight)
                : undefined
            }
            mayOverride={selected !== undefined && mayOverride(selected)}
            subject={me.subject}
            onIntent={(what) => setIntent({ intent: what, id })}
            onClose={close}
          />
        )}
      </div>
      {intent && table && (
        <ChangeDialog
          api={api}
          namespace={namespace}
          service={service}
          id={intent.id}
          intent={intent.intent}
          table={table}
          onClose={() => setIntent(undefined)}
        />
      )}
    </>
  );
}

function useFeed(api: Api, namespace: string, service: string): ServiceFeed | undefined {
  const feed = useSignal<ServiceFeed | undefined>(undefined);
  useEffect(() => {
    const made = new ServiceFeed(api, namespace, service);
    feed.value = made;
    return () => made.close();
  }, [api, namespace, service]);
  return feed.value;
}

function keyOf({ instance }: Row): string {
  return instance.id;
}

function changedAt(row: Row): number {
  return row.changedAt;
}
