import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Me } from '../api/wire.ts';
import { Brand } from '../parts/brand.tsx';
import { ConnectionBadge, ConnectionBanner } from '../parts/connection-badge.tsx';
import {
  AccessIcon,
  AutoIcon,
  ChangesIcon,
  KeyboardIcon,
  MoonIcon,
  ServicesIcon,
  SignOutIcon,
  SunIcon,
  TopologyIcon,
} from '../parts/icons.tsx';
import { Toast } from '../parts/toast.tsx';
import { OverviewFeed } from '../state/overview-feed.ts';
import { beginAt, go, hashOf, route, type Route } from '../state/route.ts';
import { signOut, type Session } from '../state/session.ts';
import { chooseTheme, chosenTheme, THEMES } from '../state/theme.ts';
import { AccessView } from './access-view.tsx';
import { ChangesView } from './changes-view.tsx';
import { InstancesView } from './instances-view.tsx';
import { firstNamespace, namespacesOf } from './namespaces.ts';
import { ServicesView } from './services-view.tsx';
import { listen, Shortcuts } from './shortcuts.tsx';
import { TopologyView } from './topology-view.tsx';

type SignedIn = Extract<Session, { is: 'signed-in' }>;

const NAVIGATION = [
  { to: { view: 'services', namespace: undefined }, title: 'Services', Icon: ServicesIcon },
  { to: { view: 'topology' }, title: 'Topology', Icon: TopologyIcon },
  { to: { view: 'changes' }, title: 'Changes', Icon: ChangesIcon },
  { to: { view: 'access' }, title: 'Access', Icon: AccessIcon },
] as const satisfies readonly { to: Route; title: string; Icon: () => JSX.Element }[];

/** The page of somebody who is signed in: the head, and the view that the address names. */
export function Frame({ session: { me, api, byToken } }: { readonly session: SignedIn }): JSX.Element {
  const overview = useMemo(() => new OverviewFeed(api), [api]);
  const [help, setHelp] = useState(false);
  const shown = route.value;
  const inService = shown.view === 'instances';

  useEffect(() => {
    if (inService) return undefined;
    overview.start();
    return () => overview.stop();
  }, [overview, inService]);
  useEffect(
    () =>
      listen({
        '?': () => setHelp(true),
        t: nextTheme,
        '/': focusSearch,
        n: () => document.querySelector<HTMLElement>('#namespace')?.focus(),
        'g s': () => go({ view: 'services', namespace: namespaceOf(route.value) }),
        'g t': () => go({ view: 'topology' }),
        'g c': () => go({ view: 'changes' }),
        'g a': () => go({ view: 'access' }),
      }),
    [],
  );
  useSignalEffect(() => {
    document.title = titleOf(route.value);
  });

  const namespaces = namespacesOf(me, overview.topology.value);
  const first = firstNamespace(overview.topology.value);
  const namespace = namespaceOf(shown) ?? first;
  const hasNone = shown.view === 'services' && shown.namespace === undefined;
  useEffect(() => {
    if (hasNone && first !== undefined) beginAt(first);
  }, [hasNone, first]);
  const current = inService ? 'services' : shown.view;
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={skipToContent}>
        Skip to the content
      </a>
      <header class="head">
        <Brand />
        <nav aria-label="Views">
          {NAVIGATION.map(({ to, title, Icon }) => (
            <a
              key={title}
              href={hashOf(to.view === 'services' ? { ...to, namespace } : to)}
              aria-current={current === to.view ? 'page' : undefined}
            >
              <Icon />
              {title}
            </a>
          ))}
        </nav>
        <div class="head-end">
          <ConnectionBadge />
          <ThemeButton />
          <button
            type="button"
            class="plain keyboard-button"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts (?)"
            onClick={() => setHelp(true)}
          >
            <KeyboardIcon />
          </button>
          <span class="who" title={`${me.kind}, ${me.roles.join(', ') || 'no role'}`}>
            <span class="name">{me.subject}</span>
          </span>
          {mayBecomeMore(me) && (
            <button type="button" class="sign-in-button" onClick={() => void signOut()}>
              Sign in
            </button>
          )}
          {byToken && (
            <button
              type="button"
              class="plain"
              aria-label="Sign out"
              title="Sign out"
              onClick={() => void signOut()}
            >
              <SignOutIcon />
            </button>
          )}
        </div>
      </header>
      <ConnectionBanner />
      <main id="content" tabIndex={-1}>
        {shown.view === 'services' && (
          <ServicesView me={me} overview={overview} namespace={namespace} namespaces={namespaces} />
        )}
        {shown.view === 'instances' && (
          <InstancesView
            key={`${shown.namespace}\n${shown.service}`}
            me={me}
            api={api}
            namespace={shown.namespace}
            service={shown.service}
            id={shown.id}
          />
        )}
        {shown.view === 'topology' && <TopologyView me={me} overview={overview} />}
        {shown.view === 'changes' && <ChangesView me={me} overview={overview} namespaces={namespaces} />}
        {shown.view === 'access' && <AccessView me={me} overview={overview} />}
      </main>
      {help && <Shortcuts onClose={() => setHelp(false)} />}
      <Toast />
    </div>
  );
}

/** Whether a token may allow more than anybody may do. */
function mayBecomeMore({ kind, namespaces }: Me): boolean {
  return kind === 'anonymous' && !namespaces.every(({ verbs }) => verbs.includes('admin'));
}

function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState(chosenTheme);
  useEffect(() => {
    const read = (): void => setTheme(chosenTheme());
    window.addEventListener('rollcall-theme', read);
    return () => window.removeEventListener('rollcall-theme', read);
  }, []);
  const Icon = { auto: AutoIcon, light: SunIcon, dark: MoonIcon }[theme];
  const words = { auto: 'as the system', light: 'light', dark: 'dark' }[theme];
  return (
    <button
      type="button"
      class="plain"
      aria-label={`Theme: ${words}`}
      title={`Theme: ${words} (t)`}
      onClick={nextTheme}
    >
      <Icon />
    </button>
  );
}

function nextTheme(): void {
  const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length] ?? 'auto';
  chooseTheme(next);
  window.dispatchEvent(new Event('rollcall-theme'));
}

function focusSearch(): void {
  document.querySelector<HTMLInputElement>('#content input[type="search"]')?.select();
}

function skipToContent(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#content')?.focus();
}

function namespaceOf(shown: Route): string | undefined {
  return shown.view === 'services' || shown.view === 'instances' ? shown.namespace : undefined;
}

function titleOf(shown: Route): string {
  if (shown.view === 'instances') return `${shown.service} · Rollcall`;
  if (shown.view === 'services')
    return shown.namespace === undefined ? 'Rollcall' : `${shown.namespace} · Rollcall`;
  return `${shown.view.charAt(0).toUpperCase()}${shown.view.slice(1)} · Rollcall`;
}
