import { writeFile } from 'node:fs/promises';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BrowserOptions } from './support/chromium.ts';
import { fillShop } from './support/shop.ts';
import { soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { visit, type Visit } from './support/visit.ts';

/** The pictures of docs/console.md are written where this is set: CONSOLE_IMAGES=1. */
const writesImages = process.env['CONSOLE_IMAGES'] === '1';
const IMAGES = new URL('../../../docs/images/', import.meta.url);
const MAX_IMAGE_BYTES = 150_000;

const VIEWS = {
  services: '#/services/shop',
  instances: '#/services/shop/catalog',
  details: '#/services/payments/ledger/10.4.6.2%3A8080',
  topology: '#/topology',
  changes: '#/changes',
  access: '#/access',
} as const;
type View = keyof typeof VIEWS;

const PHONE: BrowserOptions = { width: 375, height: 740, touch: true, scale: 2 };

let stage: Stage;
let seen: Visit | undefined;

beforeAll(async () => {
  stage = await openStage({
    namespaces: { web: {}, shop: {}, payments: {}, audit: { mode: 'strict' }, identity: { mode: 'open' } },
    allow: [
      { from: 'web', to: 'shop' },
      { from: 'shop', to: 'payments/ledger' },
      { from: 'payments', to: 'identity/login' },
    ],
  });
  await fillShop(stage);
});

afterEach(async () => {
  await seen?.close();
  seen = undefined;
});

afterAll(() => stage?.close());

describe.each<[string, BrowserOptions]>([
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', PHONE],
  ['on a phone, dark', { ...PHONE, colorScheme: 'dark' }],
])('%s', (look, options) => {
  it('every view has names, roles, contrast and order as people need them', async () => {
    seen = await visit(stage.page, { key: stage.keys.operator, ...options });
    await seen.page.evaluate(axe.source);
    for (const view of Object.keys(VIEWS) as View[]) {
      await show(seen.page, view);
      expect(await faultsOf(seen.page), view).toEqual([]);
    }
    await show(seen.page, 'details');
    await seen.page.getByRole('button', { name: 'Drain …' }).click();
    await soon(() => seen?.page.getByRole('dialog').innerText()).toContain('other instances are up');
    expect(await faultsOf(seen.page), 'the dialog').toEqual([]);
  });

  it('nothing is wider than the window', async () => {
    seen = await visit(stage.page, { key: stage.keys.operator, ...options });
    for (const view of Object.keys(VIEWS) as View[]) {
      await show(seen.page, view);
      const [width, most] = await seen.page.evaluate(() => [
        document.documentElement.scrollWidth,
        innerWidth,
      ]);
      expect(width, view).toBeLessThanOrEqual(most ?? 0);
      const links = await seen.page.getByRole('navigation', { name: 'Views' }).getByRole('link').all();
      for (const link of links) expect(await link.isVisible(), `${look}, ${view}`).toBe(true);
    }
  });
});

describe('on a phone', () => {
  it('an instance is opened, drained and closed with a finger', async () => {
    seen = await visit(stage.page, { key: stage.keys.operator, ...PHONE });
    const { page } = seen;
    await show(page, 'instances');
    await page.locator('.grid-row', { hasText: '10.4.7.5:8080' }).tap();
    const details = page.getByRole('complementary', { name: 'Instance 10.4.7.5:8080' });
    await details.waitFor();
    await details.getByRole('button', { name: 'Drain …' }).tap();
    const drain = page.getByRole('dialog').getByRole('button', { name: 'Drain' });
    await soon(() => drain.isEnabled()).toBe(true);
    const box = await drain.boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(38);
    await drain.tap();
    await soon(() => details.innerText()).toContain('Out of service');
    await details.getByRole('button', { name: 'Enable …' }).tap();
    await soon(() => page.getByRole('dialog').getByRole('button', { name: 'Enable' }).isEnabled()).toBe(true);
    await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).tap();
    await soon(() => details.innerText()).not.toContain('Out of service');
    await details.getByRole('button', { name: 'Close the details' }).tap();
    await page.getByRole('grid').waitFor();
  });
});

describe('light and dark', () => {
  it('are as the system says, until one chooses, and then as chosen, from the first paint on', async () => {
    seen = await visit(stage.page, { key: stage.keys.viewer, colorScheme: 'dark' });
    const { page } = seen;
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await ground();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.getByRole('button', { name: 'Theme: as the system' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    expect(await ground()).toBe(dark);
    await page.route('**/console.js', (route) => route.abort());
    await page.reload();
    expect(await ground()).toBe(dark);
  });
});

describe('the pictures of the documentation', () => {
  it.each<[string, View, BrowserOptions]>([
    ['services', 'services', { height: 560 }],
    ['instances-dark', 'instances', { height: 620, colorScheme: 'dark' }],
    ['topology', 'topology', { height: 700 }],
    ['phone', 'instances', PHONE],
  ])('console-%s.png is small enough to show', async (name, view, options) => {
    seen = await visit(stage.page, { key: stage.keys.operator, ...options });
    await show(seen.page, view);
    expect((await picture(seen.page, name)).length).toBeLessThan(MAX_IMAGE_BYTES);
  });

  it('console-drain.png is small enough to show', async () => {
    seen = await visit(stage.page, { key: stage.keys.operator, height: 560 });
    await show(seen.page, 'details');
    await seen.page.getByRole('button', { name: 'Drain …' }).click();
    await soon(() => seen?.page.getByRole('dialog').innerText()).toContain('other instances are up');
    expect((await picture(seen.page, 'drain')).length).toBeLessThan(MAX_IMAGE_BYTES);
  });
});

describe('somebody who wants less motion', () => {
  it('sees no animation when a row changes', async () => {
    seen = await visit(stage.page, { key: stage.keys.viewer, reducedMotion: 'reduce' });
    const { page } = seen;
    await show(page, 'instances');
    await stage.put({ service: 'catalog', host: '10.4.7.1', port: 8080, weight: 2 });
    await soon(() => page.locator('.grid-row').first().locator('.cell-weight').innerText()).toBe('2');
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await stage.put({ service: 'catalog', host: '10.4.7.1', port: 8080 });
  });

  it('is a choice: others see the row light up', async () => {
    seen = await visit(stage.page, { key: stage.keys.viewer });
    const { page } = seen;
    await show(page, 'instances');
    await stage.put({ service: 'catalog', host: '10.4.7.1', port: 8080, weight: 3 });
    await soon(() => page.evaluate(() => document.getAnimations().length)).toBe(1);
    await stage.put({ service: 'catalog', host: '10.4.7.1', port: 8080 });
  });
});

async function picture(page: Page, name: string): Promise<Buffer> {
  await page.mouse.move(0, 0);
  const image = await page.screenshot({ animations: 'disabled' });
  if (writesImages) await writeFile(new URL(`console-${name}.png`, IMAGES), image);
  return image;
}

async function show(page: Page, view: View): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, VIEWS[view]);
  const there = {
    services: page.getByRole('link', { name: 'checkout' }),
    instances: page.getByRole('link', { name: '10.4.7.12:8080' }),
    details: page.getByRole('button', { name: 'Drain …' }),
    topology: page.getByRole('img', { name: /may call payments/ }),
    changes: page.getByRole('grid', { name: /Changes/ }),
    access: page.getByRole('row', { name: /audit strict/ }),
  }[view];
  await there.waitFor();
  await soon(() => page.locator('.badge').innerText()).toBe('Live');
}

async function faultsOf(page: Page): Promise<unknown[]> {
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary ?? ''}`),
    );
  });
  return found;
}
