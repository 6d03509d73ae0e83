import type { JSX } from 'preact';
import type { Me, Topology, Verb } from '../api/wire.ts';
import { Loading, Refused } from '../parts/notice.tsx';
import { endWords } from '../state/ends.ts';
import { hashOf } from '../state/route.ts';
import type { OverviewFeed } from '../state/overview-feed.ts';
import { may } from '../state/session.ts';
import { namespacesOf } from './namespaces.ts';

const VERBS: readonly { readonly verb: Verb; readonly title: string; readonly means: string }[] = [
  { verb: 'list', title: 'List', means: 'see the services and their instances' },
  { verb: 'watch', title: 'Watch', means: 'follow them live' },
  { verb: 'register', title: 'Register', means: 'list instances of its own' },
  { verb: 'deregister', title: 'Deregister', means: 'remove instances' },
  { verb: 'override', title: 'Override', means: 'drain, enable and weigh instances of others' },
  { verb: 'admin', title: 'Admin', means: 'all of it' },
];

const MODE_WORDS = {
  strict: 'its own services alone, whatever the list below says',
  limited: 'its own services, and those that the list below names',
  open: 'services of every namespace',
} as const;

/** Who may see what: this person, and the namespaces among each other. */
export function AccessView({
  me,
  overview,
}: {
  readonly me: Me;
  readonly overview: OverviewFeed;
}): JSX.Element {
  const topology = overview.topology.value;
  const error = overview.error.value;
  return (
    <div class="page">
      <h1>Access</h1>
      <section aria-labelledby="access-own">
        <h2 id="access-own">What you may do</h2>
        <p class="lead">
          You are <b class="name">{me.subject}</b>, a{me.kind === 'anonymous' ? 'nonymous' : ` ${me.kind}`},
          with{' '}
          {me.roles.length === 0 ? (
            'no role'
          ) : (
            <>
              the {me.roles.length === 1 ? 'role' : 'roles'} <Names names={me.roles} />
            </>
          )}
          . The gateway decides each request anew.
        </p>
        <OwnRights me={me} namespaces={namespacesOf(me, topology)} />
      </section>
      {topology === undefined ? (
        error ? (
          <Refused error={error} what="the namespaces" subject={me.subject} roles={me.roles} />
        ) : (
          <Loading what="the namespaces" />
        )
      ) : (
        <>
          <section aria-labelledby="access-modes">
            <h2 id="access-modes">Who may look up the services of a namespace</h2>
            <Modes topology={topology} />
          </section>
          <section aria-labelledby="access-crossings">
            <h2 id="access-crossings">Allowed across namespaces</h2>
            <Crossings topology={topology} />
          </section>
        </>
      )}
    </div>
  );
}

function Names({ names }: { readonly names: readonly string[] }): JSX.Element {
  return (
    <>
      {names.map((name, i) => (
        <span key={name}>
          {i > 0 && ', '}
          <b class="name">{name}</b>
        </span>
      ))}
    </>
  );
}

function OwnRights({
  me,
  namespaces,
}: {
  readonly me: Me;
  readonly namespaces: readonly string[];
}): JSX.Element {
  return (
    <div class="table-box" tabIndex={0} role="group" aria-labelledby="access-own">
      <table>
        <thead>
          <tr>
            <th scope="col">Namespace</th>
            {VERBS.map(({ verb, title, means }) => (
              <th key={verb} scope="col" class="mid" title={means}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {namespaces.map((name) => (
            <tr key={name}>
              <th scope="row">
                <a class="name" href={hashOf({ view: 'services', namespace: name })}>
                  {name}
                </a>
              </th>
              {VERBS.map(({ verb }) => (
                <td key={verb} class="mid">
                  {may(me, verb, name) ? (
                    <Yes />
                  ) : (
                    <span class="faint">
                      –<span class="sr-only">no</span>
                    </span>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Yes(): JSX.Element {
  return (
    <>
      <svg class="icon yes" viewBox="0 0 16 16" aria-hidden="true">
        <path d="m3.5 8.5 3 3 6-7" />
      </svg>
      <span class="sr-only">yes</span>
    </>
  );
}

function Modes({ topology: { namespaces } }: { readonly topology: Topology }): JSX.Element {
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr>
            <th scope="col">Namespace</th>
            <th scope="col">Mode</th>
            <th scope="col">Open to</th>
          </tr>
        </thead>
        <tbody>
          {namespaces.map(({ name, mode }) => (
            <tr key={name}>
              <th scope="row" class="name">
                {name}
              </th>
              <td>
                <span class={`mode mode-${mode}`}>{mode}</span>
              </td>
              <td class="dim">{MODE_WORDS[mode] ?? mode}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The allowed ways across borders, each with its reason. */
export function Crossings({ topology: { crossings } }: { readonly topology: Topology }): JSX.Element {
  if (crossings.length === 0)
    return <p class="dim">None: each namespace sees its own services alone, but for those that are open.</p>;
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {crossings.map(({ from, to, why }) => (
            <tr key={`${from} ${to} ${why}`}>
              <td class="name">{endWords(from)}</td>
              <td class="name">{endWords(to)}</td>
              <td class="dim">{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
