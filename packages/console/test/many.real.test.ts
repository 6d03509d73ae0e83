import type { InstanceSpec } from '@rollcall/core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { visit, type Visit } from './support/visit.ts';

const MANY = 10_000;

/** What the page has of them at any moment: those that can be seen, and some beyond. */
const MOST_ROWS = 80;

const STEPS = 200;

let stage: Stage;
let seen: Visit;
let page: Page;

beforeAll(async () => {
  stage = await openStage();
  await stage.list(Array.from({ length: MANY }, (_, i) => instance(i)));
  seen = await visit(stage.page, { key: stage.keys.viewer, hash: '#/services/shop' });
  page = seen.page;
  await page.locator('.grid-row .cell-total', { hasText: '10 000' }).waitFor();
});

afterAll(async () => {
  await seen?.close();
  await stage?.close();
});

describe('ten thousand instances', () => {
  it('are there soon', async () => {
    const firstRowsMs = await page.evaluate(async () => {
      const begin = performance.now();
      location.hash = '#/services/shop/catalog';
      while (!document.querySelector('.cell-id a')) await new Promise(requestAnimationFrame);
      return performance.now() - begin;
    });
    tell(`first rows after ${Math.round(firstRowsMs)} ms`);
    await soon(() => page.getByRole('group', { name: 'Show by status' }).innerText()).toMatch(
      /All\s*10\s000/,
    );
    expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe(String(MANY + 1));
  });

  it('are few rows in the page', async () => {
    expect(await page.locator('.grid-row').count()).toBeLessThan(MOST_ROWS);
  });

  it('stay few rows while they are scrolled through, to the last one', async () => {
    const session = await page.context().newCDPSession(page);
    // The main thread's own time: what else the machine does meanwhile doesn't count.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const busyMs = async (): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
    };
    const begin = await busyMs();
    const { longestMs, mostRows } = await page.evaluate(scrollThrough, STEPS);
    const eachMs = ((await busyMs()) - begin) / STEPS;
    await session.detach();
    const told = longestMs === 0 ? 'no long task' : `longest task ${longestMs} ms`;
    tell(`${STEPS} half screens, one a frame: ${eachMs.toFixed(1)} ms each, ${told}`);
    expect(mostRows).toBeLessThan(MOST_ROWS);
    await soon(() => page.locator('.grid-row').last().innerText()).toContain('10.0.39.15:80');
  });

  it('have one row drawn when one of them changes', async () => {
    await page.getByRole('grid').evaluate((grid) => grid.scrollTo(0, 0));
    await soon(() => page.locator('.grid-row').first().innerText()).toContain('10.0.0.0:80');
    await page.evaluate(() => {
      const rows = new Set<string>();
      const observer = new MutationObserver((records) => {
        for (const { target } of records) {
          const row = (target instanceof Element ? target : target.parentElement)?.closest('.grid-row');
          rows.add(row?.querySelector('.cell-id')?.textContent ?? `not a row: ${target.nodeName}`);
        }
      });
      const body = document.querySelector('.grid-body');
      if (body)
        observer.observe(body, { subtree: true, childList: true, characterData: true, attributes: true });
      Object.assign(window, { changedRows: rows });
    });
    const begin = performance.now();
    await stage.list([{ ...instance(3), weight: 42 }]);
    await soon(() =>
      page.locator('.grid-row', { hasText: '10.0.0.3:80' }).locator('.cell-weight').innerText(),
    ).toBe('42');
    tell(`a change was seen after ${Math.round(performance.now() - begin)} ms`);
    const changed = await page.evaluate(() => [
      ...(window as unknown as { changedRows: Set<string> }).changedRows,
    ]);
    expect(changed).toEqual(['10.0.0.3:80']);
  });

  it('are searched while one types', async () => {
    await page.getByLabel('Search instances').fill('10.0.17.200');
    await soon(() => page.locator('.grid-row').allInnerTexts()).toEqual([
      expect.stringContaining('10.0.17.200:80'),
    ]);
    await page.getByLabel('Search instances').fill('');
  });

  it('are reached from first to last by the keyboard', async () => {
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    await soon(() => page.locator('.grid-row.active').innerText()).toContain('10.0.39.15:80');
    await page.keyboard.press('Home');
    await soon(() => page.locator('.grid-row.active').innerText()).toContain('10.0.0.0:80');
  });
});

/**
 * Runs in the page: down by half screens, one each frame, then to the end. Tells the longest of the long tasks
 * (https://w3c.github.io/longtasks/), or 0, and the most rows that the page had.
 */
async function scrollThrough(steps: number): Promise<{ longestMs: number; mostRows: number }> {
  const grid = document.querySelector('.grid');
  if (!grid) throw new Error('there is no grid');
  let [longestMs, mostRows] = [0, 0];
  const take = (tasks: readonly PerformanceEntry[]): void => {
    for (const { duration } of tasks) longestMs = Math.max(longestMs, Math.round(duration));
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ['longtask'] });
  grid.scrollTop = 0;
  for (let step = 0; step < steps; step++) {
    grid.scrollTop += grid.clientHeight / 2;
    await new Promise(requestAnimationFrame);
    mostRows = Math.max(mostRows, grid.querySelectorAll('.grid-row').length);
  }
  grid.scrollTop = grid.scrollHeight;
  await new Promise(requestAnimationFrame);
  take(observer.takeRecords());
  observer.disconnect();
  return { longestMs, mostRows };
}

function instance(i: number): InstanceSpec {
  return {
    namespace: 'shop',
    service: 'catalog',
    host: `10.0.${Math.floor(i / 256)}.${i % 256}`,
    port: 80,
    zone: `eu-1${'abc'[i % 3]}`,
    version: '2.14.1',
    metadata: { build: String(7_000 + (i % 50)) },
  };
}

/** The figures of docs/console.md. */
function tell(figure: string): void {
  process.stdout.write(`${MANY} instances: ${figure}\n`);
}
