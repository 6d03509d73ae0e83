import type { Locator } from 'playwright-core';
import { expect } from 'vitest';

/** How long something may take that a person would wait for. */
export const SOON_MS = 15_000;

/** Waits until this holds. */
export function soon<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: SOON_MS, interval: 50 });
}

/** The cells of a grid that are in sight, row by row: their words, or the name of what is drawn. */
export function rowsOf(grid: Locator): Promise<string[][]> {
  return grid.locator('.grid-row').evaluateAll((rows) =>
    rows
      .map((row) => ({ at: Number(row.getAttribute('aria-rowindex')), row }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ row }) =>
        Array.from(row.querySelectorAll('[role="gridcell"]'), (cell) =>
          (cell.querySelector('[aria-label]')?.getAttribute('aria-label') ?? cell.textContent ?? '').trim(),
        ),
      ),
  );
}
