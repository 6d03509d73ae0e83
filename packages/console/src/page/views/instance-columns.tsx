import type { JSX } from 'preact';
import type { Column } from '../parts/grid.tsx';
import { grouped } from '../parts/age.ts';
import { StatusMark } from '../parts/status-mark.tsx';
import type { Row } from '../state/instance-table.ts';
import { hashOf } from '../state/route.ts';

const OPTIONAL = ['address', 'zone', 'version', 'owner', 'tags', 'metadata'] as const;

const LONG: ReadonlySet<string> = new Set(['owner', 'tags', 'metadata']);

/** Which of the columns somebody fills, as one text: those that nobody fills are left out. */
export function filledIn(rows: readonly Row[]): string {
  const filled = new Set<(typeof OPTIONAL)[number]>();
  for (const { instance } of rows) {
    if (instance.id !== addressOf(instance)) filled.add('address');
    if (instance.zone !== undefined) filled.add('zone');
    if (instance.version !== undefined) filled.add('version');
    if (instance.owner !== undefined) filled.add('owner');
    if (instance.tags !== undefined) filled.add('tags');
    if (instance.metadata !== undefined) filled.add('metadata');
    if (filled.size === OPTIONAL.length) break;
  }
  return OPTIONAL.filter((column) => filled.has(column)).join(' ');
}

/** The columns of the table. Beside the details of an instance it is narrow, and leaves out what is long. */
export function columnsFor(
  namespace: string,
  service: string,
  filled: string,
  besideDetails: boolean,
): readonly Column<Row>[] {
  const columns: readonly Column<Row>[] = [
    {
      id: 'status',
      title: 'Status',
      track: '132px',
      sortable: true,
      cell: ({ instance }) => <StatusMark status={instance.status} />,
    },
    {
      id: 'id',
      title: 'Instance',
      track: 'minmax(0, 2.2fr)',
      sortable: true,
      cell: ({ instance: { id } }) => (
        <a class="name mono" tabIndex={-1} href={hashOf({ view: 'instances', namespace, service, id })}>
          {id}
        </a>
      ),
    },
    {
      id: 'address',
      title: 'Address',
      track: 'minmax(0, 1.7fr)',
      sortable: true,
      cell: ({ instance }) => <span class="name mono">{addressOf(instance)}</span>,
    },
    {
      id: 'weight',
      title: 'Weight',
      track: '84px',
      end: true,
      sortable: true,
      cell: ({ instance: { weight } }) => (weight === 0 ? <b class="troubled">0</b> : grouped(weight)),
    },
    {
      id: 'zone',
      title: 'Zone',
      track: 'minmax(0, 0.9fr)',
      sortable: true,
      cell: ({ instance: { zone } }) => <span class="name">{zone}</span>,
    },
    {
      id: 'version',
      title: 'Version',
      track: 'minmax(0, 0.9fr)',
      sortable: true,
      cell: ({ instance: { version } }) => <span class="name tabular">{version}</span>,
    },
    {
      id: 'owner',
      title: 'Owner',
      track: 'minmax(0, 1fr)',
      sortable: true,
      cell: ({ instance: { owner } }) => <span class="name">{owner}</span>,
    },
    {
      id: 'tags',
      title: 'Tags',
      track: 'minmax(0, 1.2fr)',
      cell: ({ instance: { tags = [] } }) => <Tags tags={tags} />,
    },
    {
      id: 'metadata',
      title: 'Metadata',
      track: 'minmax(0, 2fr)',
      cell: ({ instance: { metadata = {} } }) => (
        <span class="name dim">
          {Object.entries(metadata)
            .map(([key, value]) => `${key}=${value}`)
            .join('  ')
            .slice(0, 200)}
        </span>
      ),
    },
  ];
  const shown = new Set(filled.split(' '));
  const left = new Set<string>(OPTIONAL.filter((id) => !shown.has(id) || (besideDetails && LONG.has(id))));
  return columns.filter(({ id }) => !left.has(id));
}

export function Tags({ tags }: { readonly tags: readonly string[] }): JSX.Element {
  return (
    <>
      {tags.map((tag) => (
        <span key={tag} class="tag name">
          {tag}
        </span>
      ))}
    </>
  );
}

/** `host:port`, an IPv6 address in brackets. */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
