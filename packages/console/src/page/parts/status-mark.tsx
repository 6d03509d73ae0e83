import type { JSX } from 'preact';
import type { InstanceStatus } from '../api/wire.ts';

/** Each status has a shape of its own besides its colour. */
const SHAPES: Readonly<Record<InstanceStatus, JSX.Element>> = {
  UP: <circle class="fill" cx="6" cy="6" r="4" />,
  STARTING: <path d="M6 2a4 4 0 1 1-4 4" />,
  DOWN: <path d="m3 3 6 6M9 3 3 9" />,
  OUT_OF_SERVICE: <path d="M4 2.6v6.8M8 2.6v6.8" />,
  UNKNOWN: <path d="M4 4.4a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1M6 9.6v.01" />,
};

export const STATUS_WORDS: Readonly<Record<InstanceStatus, string>> = {
  UP: 'Up',
  STARTING: 'Starting',
  DOWN: 'Down',
  OUT_OF_SERVICE: 'Out of service',
  UNKNOWN: 'Unknown',
};

/** What an instance says of itself: shape, colour and word. */
export function StatusMark({ status }: { readonly status: InstanceStatus }): JSX.Element {
  return (
    <span class={`status status-${status}`}>
      <StatusShape status={status} />
      {STATUS_WORDS[status] ?? status}
    </span>
  );
}

export function StatusShape({ status }: { readonly status: InstanceStatus }): JSX.Element {
  return (
    <svg class={`mark status-${status}`} viewBox="0 0 12 12" aria-hidden="true">
      {SHAPES[status] ?? SHAPES.UNKNOWN}
    </svg>
  );
}
