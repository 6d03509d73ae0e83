import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Change, Me } from '../api/wire.ts';
import { Grid, type Column } from '../parts/grid.tsx';
import { narrow } from '../parts/narrow.ts';
import { Loading, Notice, Refused } from '../parts/notice.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { connection } from '../state/connection.ts';
import { type NumberedChange, type OverviewFeed, timeOf } from '../state/overview-feed.ts';
import { go, hashOf } from '../state/route.ts';

interface Props {
  readonly me: Me;
  readonly overview: OverviewFeed;
  readonly namespaces: readonly string[];
}

const KIND_WORDS: Readonly<Record<Change['kind'], string>> = {
  registered: 'Registered',
  updated: 'Updated',
  deregistered: 'Left',
  expired: 'Expired',
  override: 'Overridden',
};

/** What happened last, the newest first, as far as the gateway remembers. */
export function ChangesView({ me, overview, namespaces }: Props): JSX.Element {
  const [words, setWords] = useState('');
  const [namespace, setNamespace] = useState('');
  const [active, setActive] = useState<string>();
  const changes = overview.changes.value;
  const rows = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/u).filter(Boolean);
    return (changes ?? []).filter((change) => {
      if (namespace !== '' && change.namespace !== namespace) return false;
      const text =
        `${change.namespace}/${change.service}/${change.id}\n${change.kind}\n${KIND_WORDS[change.kind] ?? ''}\n${change.by ?? ''}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }, [changes, words, namespace]);

  const state = connection.value;
  return (
    <>
      <div class="bar">
        <h1>Changes</h1>
        <label class="field">
          <span class="field-label">Namespace</span>
          <select
            id="namespace"
            value={namespace}
            onChange={(event) => setNamespace(event.currentTarget.value)}
          >
            <option value="">all</option>
            {namespaces.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <div class="bar-end">
          <SearchField label="Search changes" value={words} onInput={setWords} />
        </div>
      </div>
      {changes === undefined ? (
        state.is === 'refused' ? (
          <Refused error={state.error} what="the list of changes" subject={me.subject} roles={me.roles} />
        ) : (
          <Loading what="changes" />
        )
      ) : rows.length === 0 ? (
        <Notice title={changes.length === 0 ? 'Nothing has changed yet' : 'No change fits'}>
          <p>
            {changes.length === 0
              ? 'The gateway remembers the last 1 000 changes since it started. The next one appears here.'
              : 'Another namespace or fewer words may find it.'}
          </p>
        </Notice>
      ) : (
        <Grid
          label="Changes, the newest first"
          rows={rows}
          columns={COLUMNS}
          rowHeight={narrow.value ? 60 : 34}
          keyOf={({ number }) => String(number)}
          active={active}
          onActive={setActive}
          onOpen={({ namespace: home, service, id }) =>
            go({ view: 'instances', namespace: home, service, id })
          }
        />
      )}
    </>
  );
}

const COLUMNS: readonly Column<NumberedChange>[] = [
  { id: 'at', title: 'Time', track: '178px', cell: (change) => <Time at={timeOf(change)} /> },
  {
    id: 'kind',
    title: 'What',
    track: '120px',
    cell: ({ kind }) => <span class={`kind kind-${kind}`}>{KIND_WORDS[kind] ?? kind}</span>,
  },
  {
    id: 'service',
    title: 'Service',
    track: 'minmax(0, 1.4fr)',
    cell: ({ namespace, service }) => (
      <span class="name">
        <span class="dim">{namespace}</span>
        <span class="dim"> / </span>
        {service}
      </span>
    ),
  },
  {
    id: 'id',
    title: 'Instance',
    track: 'minmax(0, 1.8fr)',
    cell: ({ namespace, service, id }) => (
      <a class="name mono" tabIndex={-1} href={hashOf({ view: 'instances', namespace, service, id })}>
        {id}
      </a>
    ),
  },
  { id: 'by', title: 'By', track: 'minmax(0, 1fr)', cell: ({ by }) => <span class="name">{by}</span> },
];

const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

function Time({ at }: { readonly at: number }): JSX.Element {
  if (!Number.isFinite(at)) return <span class="faint">unknown</span>;
  const date = new Date(at);
  return (
    <time class="tabular" dateTime={date.toISOString()}>
      <span class="dim">{DAY.format(date)}</span> {TIME.format(date)}
    </time>
  );
}
