import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ApiError } from '../api/api-error.ts';
import { retryNow } from '../api/follow.ts';
import { connection, heardAt, now, tick } from '../state/connection.ts';
import { span } from './age.ts';

/** In the head of the page: whether what is shown is what is. */
export function ConnectionBadge(): JSX.Element {
  const { is } = connection.value;
  const words = {
    connecting: 'Connecting',
    live: 'Live',
    lost: 'Disconnected',
    refused: 'Not allowed',
    resting: 'Paused',
  };
  return (
    <span class={`badge badge-${is}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span class="badge-word">{words[is]}</span>
    </span>
  );
}

/** Below the head while there is no connection: how old the data is, and when it is tried again. */
export function ConnectionBanner(): JSX.Element | null {
  const state = connection.value;
  return state.is === 'lost' ? <LostBanner error={state.error} retryAt={state.retryAt} /> : null;
}

function LostBanner({ error, retryAt }: { readonly error: ApiError; readonly retryAt: number }): JSX.Element {
  useEffect(tick, []);
  const since = heardAt.value;
  const waitMs = retryAt - now.value;
  return (
    <div class="banner" role="alert">
      <p>
        <b>{error.status === 0 ? 'Disconnected.' : 'Not up to date.'}</b> {error.message}
        {/* It changes each second: not for a screen reader to say. */}
        <span aria-hidden="true">
          {since !== undefined && (
            <>
              {' '}
              What you see is <b class="tabular">{span(now.value - since)}</b> old.
            </>
          )}{' '}
          {waitMs > 500 ? `Trying again in ${span(waitMs)}.` : 'Trying again …'}
        </span>
      </p>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}
