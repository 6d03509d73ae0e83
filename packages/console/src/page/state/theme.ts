export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'rollcall.theme';

/** What was chosen in this browser: `auto` follows the system. */
export function chosenTheme(): Theme {
  const saved = read(KEY);
  return THEMES.find((theme) => theme === saved) ?? 'auto';
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
}

export function chooseTheme(theme: Theme): void {
  showTheme(theme);
  write(KEY, theme);
}

const SHORTCUTS_KEY = 'rollcall.shortcuts';

/** Whether single keys are shortcuts; some people's speech or motion makes them type by accident. */
export function shortcutsChosen(): boolean {
  return read(SHORTCUTS_KEY) !== 'off';
}

export function chooseShortcuts(on: boolean): void {
  write(SHORTCUTS_KEY, on ? 'on' : 'off');
}

/** Storage may be switched off. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then the choice lasts as long as the page.
  }
}
