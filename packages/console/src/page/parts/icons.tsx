import type { ComponentChildren, JSX } from 'preact';

function icon(content: ComponentChildren): () => JSX.Element {
  return () => (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {content}
    </svg>
  );
}

export const SearchIcon = icon(<path d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const SunIcon = icon(
  <path d="M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7" />,
);
export const MoonIcon = icon(<path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z" />);
export const AutoIcon = icon([
  <path key="ring" d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z" />,
  <path key="half" class="fill" d="M8 2a6 6 0 0 1 0 12z" />,
]);
export const KeyboardIcon = icon(
  <path d="M1.5 4.5h13v7h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.4h6" />,
);
export const ServicesIcon = icon(<path d="M2.5 3h11v3.5h-11zM2.5 9.5h11V13h-11zM5 4.75h.01M5 11.25h.01" />);
export const TopologyIcon = icon(
  <path d="M1.8 5.5h4v5h-4zM10.2 1.8h4v4.4h-4zM10.2 9.8h4v4.4h-4zM5.8 8H8V4h2.2M8 8v4h2.2" />,
);
export const ChangesIcon = icon(<path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6" />);
export const AccessIcon = icon(
  <path d="M5 14.2h6M8 8.6a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.6 14.2c.3-2.6 2.6-4 5.4-4s5.1 1.4 5.4 4" />,
);
export const SignOutIcon = icon(<path d="M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3" />);
export const LockIcon = icon(<path d="M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2" />);
