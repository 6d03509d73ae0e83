import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Modal } from '../parts/modal.tsx';
import { chooseShortcuts, shortcutsChosen } from '../state/theme.ts';

const GROUPS = [
  {
    title: 'Anywhere',
    keys: [
      ['/', 'Search in this view'],
      ['n', 'Choose the namespace'],
      ['g s', 'Services'],
      ['g t', 'Topology'],
      ['g c', 'Changes'],
      ['g a', 'Access'],
      ['t', 'Theme: as the system, light, dark'],
      ['?', 'This list'],
    ],
  },
  {
    title: 'In a table',
    keys: [
      ['↓ ↑', 'Next and previous row; also j and k'],
      ['Page Up, Page Down', 'A screen further'],
      ['Home, End', 'First and last row'],
      ['Enter', 'Open'],
      ['Esc', 'Close the details; in a search, empty it'],
    ],
  },
  {
    title: 'On an instance',
    keys: [
      ['d', 'Drain'],
      ['e', 'Enable'],
      ['w', 'Set the weight'],
    ],
  },
] as const;

/** The list of shortcuts, and the switch that turns the single keys off. */
export function Shortcuts({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const [on, setOn] = useState(shortcutsChosen);
  return (
    <Modal title="Keyboard shortcuts" onClose={onClose} wide>
      <div class="shortcuts">
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, does]) => (
                <div key={key}>
                  <dt>
                    {key.split(/(?<=,) /u).map((part) => (
                      <kbd key={part}>{part.replace(',', '')}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div class="modal-actions">
        <label class="check">
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => {
              setOn(event.currentTarget.checked);
              chooseShortcuts(event.currentTarget.checked);
            }}
          />
          Single keys are shortcuts
        </label>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}

const SEQUENCE_MS = 1_200;

/** Listens to single keys and pairs such as `g s`, where nobody types. Returns what ends it. */
export function listen(bindings: Readonly<Record<string, () => void>>): () => void {
  let before = '';
  let at = 0;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!shortcutsChosen() || isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const pair = event.timeStamp - at < SEQUENCE_MS ? `${before} ${event.key}` : '';
    before = event.key;
    at = event.timeStamp;
    const action = bindings[pair] ?? (pair.startsWith('g ') ? undefined : bindings[event.key]);
    if (!action) return;
    event.preventDefault();
    action();
  };
  document.addEventListener('keydown', onKeyDown);
  return () => document.removeEventListener('keydown', onKeyDown);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}
