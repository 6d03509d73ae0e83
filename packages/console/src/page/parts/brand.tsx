import type { JSX } from 'preact';

export function Brand(): JSX.Element {
  return (
    <span class="brand">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <rect width="16" height="16" rx="4" />
        <path d="m3.6 5.1 1 1 1.7-2M3.6 10.7l1 1 1.7-2M8.6 5.2h4M8.6 10.8h4" />
      </svg>
      Rollcall
    </span>
  );
}
