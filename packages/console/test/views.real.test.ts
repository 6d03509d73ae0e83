import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf, soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { visit, type Visit } from './support/visit.ts';

let stage: Stage;
let seen: Visit;
let page: Page;

beforeAll(async () => {
  stage = await openStage({
    namespaces: { shop: {}, payments: {}, audit: { mode: 'strict' }, identity: { mode: 'open' } },
    allow: [{ from: 'shop', to: 'payments/ledger' }],
  });
  await stage.put({
    service: 'catalog',
    host: '10.0.0.1',
    port: 80,
    zone: 'eu-1a',
    version: '2.1.0',
    tags: ['canary', 'blue'],
    metadata: { build: '77' },
  });
  await stage.put({ service: 'catalog', host: '10.0.0.10', port: 80, status: 'DOWN' });
  await stage.put({ service: 'catalog', host: '10.0.0.2', port: 80, weight: 3 });
  await stage.put({ service: 'cart', host: '10.0.1.1', port: 80 });
  await stage.put({ namespace: 'payments', service: 'ledger', host: '10.0.2.1', port: 80 });
  seen = await visit(stage.page, { key: stage.keys.operator });
  page = seen.page;
});

afterAll(async () => {
  await seen?.close();
  await stage?.close();
});

describe('the services of a namespace', () => {
  it('are shown with how many of their instances are up', async () => {
    await go('#/services/shop');
    await soon(() => rowsOf(page.getByRole('grid', { name: 'Services of shop' }))).toEqual([
      ['cart', '1 of 1 up', '1', '0', '1'],
      ['catalog', '2 of 3 up', '2', '1', '3'],
    ]);
    await soon(() => page.locator('.figures').innerText()).toMatch(
      /2\s*services\s*4\s*instances\s*3\s*up\s*1\s*not up/,
    );
  });

  it('are found by a search', async () => {
    await page.getByLabel('Search services').fill('cat');
    await soon(() => namesIn('Services of shop', 'name')).toEqual(['catalog']);
    await page.getByLabel('Search services').fill('nobody');
    await page.getByRole('heading', { name: 'No service fits' }).waitFor();
    await page.getByRole('button', { name: 'Show all 2' }).click();
    await soon(() => namesIn('Services of shop', 'name')).toEqual(['cart', 'catalog']);
  });

  it('can be those that are not all up', async () => {
    await page.getByRole('button', { name: /Not all up/ }).click();
    await soon(() => namesIn('Services of shop', 'name')).toEqual(['catalog']);
    await page.getByRole('button', { name: /Not all up/ }).click();
  });

  it('are of another namespace when that is chosen', async () => {
    await page.getByLabel('Namespace').selectOption('payments');
    await soon(() => namesIn('Services of payments', 'name')).toEqual(['ledger']);
    expect(new URL(page.url()).hash).toBe('#/services/payments');
  });

  it('appear when somebody registers the first instance', async () => {
    await stage.put({ namespace: 'payments', service: 'refunds', host: '10.0.3.1', port: 80 });
    await soon(() => namesIn('Services of payments', 'name')).toEqual(['ledger', 'refunds']);
  });

  it('are said to be none where nothing is registered', async () => {
    await go('#/services/identity');
    await soon(() => page.locator('.notice h2').allInnerTexts()).toEqual(['Nothing is registered here yet']);
  });
});

describe('the instances of a service', () => {
  it('are shown with all that they say', async () => {
    await go('#/services/shop/catalog');
    await soon(() => rowsOf(page.getByRole('grid', { name: 'Instances of catalog' }))).toEqual([
      ['Up', '10.0.0.1:80', '1', 'eu-1a', '2.1.0', 'services', 'canaryblue', 'build=77'],
      ['Up', '10.0.0.2:80', '3', '', '', 'services', '', ''],
      ['Down', '10.0.0.10:80', '1', '', '', 'services', '', ''],
    ]);
  });

  it('are counted by status, and shown by it', async () => {
    await soon(() => page.getByRole('group', { name: 'Show by status' }).innerText()).toMatch(
      /All\s*3\s*Up\s*2\s*Down\s*1/,
    );
    await page.getByRole('button', { name: 'Down 1' }).click();
    await soon(() => namesIn('Instances of catalog', 'id')).toEqual(['10.0.0.10:80']);
    await page.getByRole('button', { name: 'All 3' }).click();
  });

  it('are found by what they say of themselves', async () => {
    await page.getByLabel('Search instances').fill('build=77 CANARY');
    await soon(() => namesIn('Instances of catalog', 'id')).toEqual(['10.0.0.1:80']);
    await page.getByLabel('Search instances').fill('');
  });

  it('are sorted by the column that is clicked', async () => {
    await page.getByRole('button', { name: 'Weight' }).click();
    await page.getByRole('button', { name: 'Weight' }).click();
    await soon(async () => (await namesIn('Instances of catalog', 'id'))[0]).toBe('10.0.0.2:80');
    expect(await page.getByRole('columnheader', { name: 'Weight' }).getAttribute('aria-sort')).toBe(
      'descending',
    );
    await page.getByRole('button', { name: 'Instance', exact: true }).click();
  });

  it('each have their details', async () => {
    await page.getByRole('link', { name: '10.0.0.1:80' }).click();
    const details = page.getByRole('complementary', { name: 'Instance 10.0.0.1:80' });
    await soon(() => details.innerText()).toMatch(/Weight\s*1 · 25 % of the calls/);
    await soon(() => details.innerText()).toMatch(/Zone\s*eu-1a\s*Version\s*2\.1\.0\s*Owner\s*services/);
    await page.keyboard.press('Escape');
    await soon(() => details.count()).toBe(0);
  });

  it('change, come and leave without a reload, as other clients do it', async () => {
    await page.evaluate(() => Object.assign(window, { notReloaded: true }));
    await stage.put({ service: 'catalog', host: '10.0.0.10', port: 80, status: 'UP', weight: 7 });
    await stage.put({ service: 'catalog', host: '10.0.0.3', port: 80 });
    await stage.remove({ namespace: 'shop', service: 'catalog', id: '10.0.0.2:80' });
    await soon(async () =>
      (await rowsOf(page.getByRole('grid', { name: 'Instances of catalog' }))).map((row) => row.slice(0, 3)),
    ).toEqual([
      ['Up', '10.0.0.1:80', '1'],
      ['Up', '10.0.0.3:80', '1'],
      ['Up', '10.0.0.10:80', '7'],
    ]);
    expect(await page.evaluate(() => 'notReloaded' in window)).toBe(true);
  });

  it('are said to be none for a service that nobody registered', async () => {
    await go('#/services/shop/nobody');
    await soon(() => page.locator('.notice h2').allInnerTexts()).toEqual(['No instance is listed']);
  });
});

describe('the topology', () => {
  it('is a picture of the namespaces with their services, and of the ways between them', async () => {
    await go('#/topology');
    const picture = page.getByRole('group', { name: /Namespaces, their services/ });
    await soon(() =>
      picture.getByRole('link').evaluateAll((links) => links.map((link) => link.ariaLabel)),
    ).toEqual(
      expect.arrayContaining([
        'audit strict, namespace',
        'identity open, namespace',
        'shop limited, namespace',
        'catalog 3 up',
        'ledger 1 up',
      ]),
    );
    expect(await picture.getByRole('img').evaluateAll((ways) => ways.map((way) => way.ariaLabel))).toEqual([
      expect.stringMatching(/^shop may call payments \/ ledger: /),
    ]);
  });

  it('says the same as a table', async () => {
    const rows = page.getByRole('table').getByRole('row');
    await soon(() => rows.allInnerTexts()).toEqual([
      expect.stringMatching(/From\s+To\s+Why/),
      expect.stringMatching(/any namespace\s+identity\s+\S/),
      expect.stringMatching(/shop\s+payments \/ ledger\s+\S/),
    ]);
  });

  it('leads to the services', async () => {
    await page.getByRole('link', { name: 'ledger 1 up' }).click();
    await soon(() => page.getByRole('grid', { name: 'Instances of ledger' }).count()).toBe(1);
  });
});

describe('the changes', () => {
  it('are listed from the newest, with who made them', async () => {
    await go('#/changes');
    const grid = page.getByRole('grid', { name: /Changes/ });
    await soon(async () => (await rowsOf(grid))[0]?.slice(1)).toEqual([
      'Left',
      'shop / catalog',
      '10.0.0.2:80',
      'services',
    ]);
  });

  it('come in as they happen', async () => {
    await stage.put({ service: 'cart', host: '10.0.1.2', port: 80 });
    const grid = page.getByRole('grid', { name: /Changes/ });
    await soon(async () => (await rowsOf(grid))[0]?.slice(1, 4)).toEqual([
      'Registered',
      'shop / cart',
      '10.0.1.2:80',
    ]);
  });

  it('can be those of one namespace', async () => {
    await page.getByLabel('Namespace').selectOption('payments');
    await soon(async () =>
      (await rowsOf(page.getByRole('grid', { name: /Changes/ }))).map((row) => row[2]),
    ).toEqual(['payments / refunds', 'payments / ledger']);
  });
});

describe('the access page', () => {
  it('says what this person may do, where', async () => {
    await go('#/access');
    await soon(() =>
      page.getByRole('region', { name: 'What you may do' }).getByRole('row').allInnerTexts(),
    ).toEqual(
      expect.arrayContaining([expect.stringMatching(/^shop\s+yes\s+yes\s+–\s*no\s+–\s*no\s+yes\s+–\s*no$/)]),
    );
  });

  it('says who may look up the services of a namespace', async () => {
    await soon(() => page.getByRole('row', { name: /audit strict/ }).innerText()).toMatch(
      /its own services alone/,
    );
    await soon(() => page.getByRole('row', { name: /identity open/ }).innerText()).toMatch(/every namespace/);
  });
});

it('nothing of this was stopped by the page’s own policy, and nothing failed', () => {
  expect(seen.faults).toEqual([]);
});

it('nothing of this asked anybody but the gateway, and no address held the key', () => {
  const { origin } = new URL(stage.page);
  expect(seen.requests.length).toBeGreaterThan(20);
  expect(
    seen.requests.map((request) => request.url()).filter((url) => new URL(url).origin !== origin),
  ).toEqual([]);
  expect(seen.requests.filter((request) => request.url().includes(stage.keys.operator))).toEqual([]);
});

async function go(hash: string): Promise<void> {
  await page.goto(`${stage.page}${hash}`);
}

function namesIn(grid: string, column: string): Promise<string[]> {
  return page.getByRole('grid', { name: grid }).locator(`.grid-row .cell-${column}`).allInnerTexts();
}
