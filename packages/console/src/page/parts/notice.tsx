import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../api/api-error.ts';
import { retryNow } from '../api/follow.ts';
import { LockIcon } from './icons.tsx';

interface NoticeProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly alert?: boolean;
}

/** What stands where nothing can be shown: why, and what to do. */
export function Notice({ title, children, alert = false }: NoticeProps): JSX.Element {
  return (
    <div class="notice" role={alert ? 'alert' : undefined}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading({ what }: { readonly what: string }): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="sr-only">Loading {what}</span>
      {Array.from({ length: 8 }, (_, i) => (
        <span key={i} class="ghost" />
      ))}
    </div>
  );
}

interface RefusedProps {
  readonly error: ApiError;
  readonly what: string;
  readonly subject: string;
  readonly roles: readonly string[];
}

/** The gateway said no. */
export function Refused({ error, what, subject, roles }: RefusedProps): JSX.Element {
  if (error.status !== 403 && error.status !== 401)
    return (
      <Notice title={error.status === 404 ? `There is no ${what}` : `${capital(what)} can’t be shown`} alert>
        <p>{error.message}</p>
        <p>
          <button type="button" onClick={retryNow}>
            Try again
          </button>
        </p>
      </Notice>
    );
  return (
    <Notice title="Not allowed" alert>
      <p class="notice-icon">
        <LockIcon />
      </p>
      <p>{error.message}</p>
      <p>
        You are <b class="name">{subject}</b>
        {roles.length > 0 ? (
          <>
            {' '}
            with {roles.length === 1 ? 'the role' : 'the roles'} <b class="name">{roles.join(', ')}</b>
          </>
        ) : (
          ' without a role'
        )}
        . To see {what}, ask whoever keeps the gateway’s policy for a role that lists it, or{' '}
        <a href="#/access">look up what you may see</a>.
      </p>
    </Notice>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
