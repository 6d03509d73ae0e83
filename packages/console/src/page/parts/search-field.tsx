import type { JSX } from 'preact';
import { SearchIcon } from './icons.tsx';

interface Props {
  readonly label: string;
  readonly value: string;
  readonly onInput: (words: string) => void;
}

/** A search that Escape empties; Arrow Down leads into the table. */
export function SearchField({ label, value, onInput }: Props): JSX.Element {
  return (
    <label class="search">
      <SearchIcon />
      <span class="sr-only">{label}</span>
      <input
        type="search"
        placeholder={label}
        value={value}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            onInput('');
            event.currentTarget.blur();
          } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
            event.preventDefault();
            document.querySelector<HTMLElement>('#content [role="grid"]')?.focus();
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}
