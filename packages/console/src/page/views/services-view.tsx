import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Me, ServiceCount } from '../api/wire.ts';
import { grouped } from '../parts/age.ts';
import { Grid, type Column } from '../parts/grid.tsx';
import { narrow } from '../parts/narrow.ts';
import { Loading, Notice, Refused } from '../parts/notice.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { StatusShape } from '../parts/status-mark.tsx';
import { connection } from '../state/connection.ts';
import type { OverviewFeed } from '../state/overview-feed.ts';
import { go, hashOf } from '../state/route.ts';
import { NamespaceSelect } from './namespace-select.tsx';

interface Props {
  readonly me: Me;
  readonly overview: OverviewFeed;
  readonly namespace: string | undefined;
  readonly namespaces: readonly string[];
}

type Ranked = 'name' | 'up' | 'out' | 'total';

/** The services of a namespace, and how they are. */
export function ServicesView({ me, overview, namespace, namespaces }: Props): JSX.Element {
  const [words, setWords] = useState('');
  const [onlyTroubled, setOnlyTroubled] = useState(false);
  const [active, setActive] = useState<string>();
  const [sort, setSort] = useState<{ by: Ranked; descending: boolean }>({ by: 'name', descending: false });
  const topology = overview.topology.value;
  const services = topology?.namespaces.find(({ name }) => name === namespace)?.services;
  const columns = useMemo(() => columnsFor(namespace ?? ''), [namespace]);
  const rows = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/u).filter(Boolean);
    return (services ?? [])
      .filter(
        ({ name, up, total }) =>
          (!onlyTroubled || up < total) && wanted.every((word) => name.toLowerCase().includes(word)),
      )
      .toSorted(comparator(sort));
  }, [services, words, onlyTroubled, sort]);

  const troubled = (services ?? []).filter(({ up, total }) => up < total).length;
  const up = sum(services, (service) => service.up);
  const total = sum(services, (service) => service.total);
  const error = overview.error.value ?? refusal();
  return (
    <>
      <div class="bar">
        <h1 class="sr-only">Services{namespace === undefined ? '' : ` of ${namespace}`}</h1>
        <NamespaceSelect namespace={namespace} namespaces={namespaces} />
        {services && (
          <p class="figures">
            <Figure value={services.length} unit={services.length === 1 ? 'service' : 'services'} />
            <Figure value={total} unit={total === 1 ? 'instance' : 'instances'} />
            <Figure value={up} unit="up" status="UP" />
            {total > up && <Figure value={total - up} unit="not up" status="OUT_OF_SERVICE" />}
          </p>
        )}
        <div class="bar-end">
          {troubled > 0 && (
            <button
              type="button"
              class="chip"
              aria-pressed={onlyTroubled}
              onClick={() => setOnlyTroubled(!onlyTroubled)}
            >
              Not all up <span class="tabular">{grouped(troubled)}</span>
            </button>
          )}
          <SearchField label="Search services" value={words} onInput={setWords} />
        </div>
      </div>
      {topology === undefined ? (
        error ? (
          <Refused error={error} what="the list of services" subject={me.subject} roles={me.roles} />
        ) : (
          <Loading what="services" />
        )
      ) : namespaces.length === 0 ? (
        <Notice title="There is nothing that you may see">
          <p>
            You are <b class="name">{me.subject}</b>, and no namespace is open to you. Ask whoever keeps the
            gateway’s policy for a role with <code>list</code>.
          </p>
        </Notice>
      ) : services === undefined || services.length === 0 ? (
        <Empty me={me} namespace={namespace ?? ''} known={namespaces.includes(namespace ?? '')} />
      ) : rows.length === 0 ? (
        <Notice title="No service fits">
          <p>
            <button type="button" onClick={() => (setWords(''), setOnlyTroubled(false))}>
              Show all {grouped(services.length)}
            </button>
          </p>
        </Notice>
      ) : (
        <Grid
          label={`Services of ${namespace ?? ''}`}
          rows={rows}
          columns={columns}
          rowHeight={narrow.value ? 56 : 36}
          keyOf={({ name }) => name}
          active={active}
          onActive={setActive}
          onOpen={({ name }) =>
            go({ view: 'instances', namespace: namespace ?? '', service: name, id: undefined })
          }
          sort={sort}
          onSort={(by) =>
            setSort({ by: by as Ranked, descending: sort.by === by ? !sort.descending : by !== 'name' })
          }
        />
      )}
    </>
  );
}

/** A stream that the gateway refuses says why there is nothing. */
function refusal() {
  const state = connection.value;
  return state.is === 'refused' ? state.error : undefined;
}

function Empty({
  me,
  namespace,
  known,
}: {
  readonly me: Me;
  readonly namespace: string;
  readonly known: boolean;
}): JSX.Element {
  if (!known)
    return (
      <Notice title="Not for you, or not there">
        <p>
          As <b class="name">{me.subject}</b> you see nothing of the namespace <b class="name">{namespace}</b>
          . Ask for a role with <code>list</code> in it, or choose another.
        </p>
      </Notice>
    );
  return (
    <Notice title="Nothing is registered here yet">
      <p>
        In <b class="name">{namespace}</b> no service has an instance. This page shows the first one as it
        comes:
      </p>
      <pre>rollcall register user-service --port 8080 --namespace {namespace}</pre>
    </Notice>
  );
}

interface FigureProps {
  readonly value: number;
  readonly unit: string;
  readonly status?: 'UP' | 'OUT_OF_SERVICE';
}

function Figure({ value, unit, status }: FigureProps): JSX.Element {
  return (
    <span class="figure">
      {status && <StatusShape status={status} />}
      <b class="tabular">{grouped(value)}</b> {unit}
    </span>
  );
}

function columnsFor(namespace: string): readonly Column<ServiceCount>[] {
  return [
    {
      id: 'name',
      title: 'Service',
      track: 'minmax(0, 3fr)',
      sortable: true,
      cell: ({ name }) => (
        <a
          class="name"
          tabIndex={-1}
          href={hashOf({ view: 'instances', namespace, service: name, id: undefined })}
        >
          {name}
        </a>
      ),
    },
    { id: 'health', title: 'Health', track: 'minmax(0, 2fr)', cell: (service) => <HealthBar {...service} /> },
    { id: 'up', title: 'Up', track: '88px', end: true, sortable: true, cell: ({ up }) => grouped(up) },
    {
      id: 'out',
      title: 'Not up',
      track: '88px',
      end: true,
      sortable: true,
      cell: ({ up, total }) =>
        total > up ? <b class="troubled">{grouped(total - up)}</b> : <span class="faint">0</span>,
    },
    {
      id: 'total',
      title: 'Instances',
      track: '104px',
      end: true,
      sortable: true,
      cell: ({ total }) => grouped(total),
    },
  ];
}

/** How many of the instances are up, as a length. */
export function HealthBar({ up, total }: { readonly up: number; readonly total: number }): JSX.Element {
  // What is not up stays visible, however little of the whole it is.
  const share = total === 0 ? 0 : up === total ? 1 : Math.min(0.97, up / total);
  return (
    <span class="health" role="img" aria-label={`${up} of ${total} up`}>
      <span class={up === 0 ? 'health-rest none' : up < total ? 'health-rest' : 'health-rest full'} />
      <span class="health-up" style={{ width: `${share * 100}%` }} />
    </span>
  );
}

function comparator({
  by,
  descending,
}: {
  by: Ranked;
  descending: boolean;
}): (a: ServiceCount, b: ServiceCount) => number {
  const value = ({ up, total }: ServiceCount): number =>
    by === 'up' ? up : by === 'total' ? total : by === 'out' ? total - up : 0;
  const sign = descending ? -1 : 1;
  return (a, b) => sign * (value(a) - value(b)) || (by === 'name' ? sign : 1) * (a.name < b.name ? -1 : 1);
}

function sum(services: readonly ServiceCount[] | undefined, of: (service: ServiceCount) => number): number {
  return (services ?? []).reduce((total, service) => total + of(service), 0);
}
