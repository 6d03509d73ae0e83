import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { signIn, visit, type Visit } from './support/visit.ts';

let stage: Stage;
let seen: Visit;
let page: Page;

beforeAll(async () => {
  stage = await openStage();
  seen = await visit(stage.page, { key: stage.keys.operator });
  page = seen.page;
});

beforeEach(async () => {
  for (const n of [1, 2, 3]) await stage.put({ service: 'ledger', host: `10.0.0.${n}`, port: 80 });
  await open('10.0.0.1:80');
});

afterAll(async () => {
  await seen?.close();
  await stage?.close();
});

describe('an operator', () => {
  it('drains an instance, when it is confirmed', async () => {
    await page.getByRole('button', { name: 'Drain …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Drain 10.0.0.1:80?' });
    await soon(() => dialog.innerText()).toContain('2 other instances are up.');
    expect(await statusOf('10.0.0.1:80')).toBe('UP');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await soon(() => statusOf('10.0.0.1:80')).toBe('OUT_OF_SERVICE');
    await soon(() => dialog.count()).toBe(0);
    await soon(() => details('10.0.0.1:80').innerText()).toMatch(/Overridden\s*Its owner says Up, weight 1/);
    await page.getByRole('status').filter({ hasText: '10.0.0.1:80 is drained' }).waitFor();
  });

  it('enables it again', async () => {
    await page.getByRole('button', { name: 'Enable …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Enable 10.0.0.1:80?' });
    await soon(() => dialog.innerText()).toMatch(/what its owner says holds again,\s*Up with weight 1/);
    await dialog.getByRole('button', { name: 'Enable' }).click();
    await soon(() => statusOf('10.0.0.1:80')).toBe('UP');
  });

  it.each([
    ['the button', () => page.getByRole('button', { name: 'Cancel' }).click()],
    ['Escape', () => page.keyboard.press('Escape')],
    ['a click beside it', () => page.mouse.click(5, 5)],
  ])('changes nothing after all, by %s', async (_how, cancel) => {
    const before = seen.requests.length;
    await page.getByRole('button', { name: 'Drain …' }).click();
    const dialog = page.getByRole('dialog');
    await soon(() => dialog.getByRole('button', { name: 'Drain' }).isEnabled()).toBe(true);
    await cancel();
    await soon(() => dialog.count()).toBe(0);
    expect(await statusOf('10.0.0.1:80')).toBe('UP');
    expect(seen.requests.slice(before).map((request) => request.method())).not.toContain('PUT');
  });

  it('sets a weight, and sees before what share of the calls that is', async () => {
    await page.getByRole('button', { name: 'Set weight …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Weight of 10.0.0.1:80' });
    await dialog.getByLabel('Weight', { exact: true }).fill('2');
    await soon(() => dialog.innerText()).toContain('33 % of the calls now, 50 % then.');
    await dialog.getByRole('button', { name: 'Set weight' }).click();
    await soon(() => weightOf('10.0.0.1:80')).toBe(2);
    await soon(() => details('10.0.0.1:80').innerText()).toMatch(/Weight\s*2 · 50 % of the calls/);
  });

  it('takes a weight back', async () => {
    await page.getByRole('button', { name: 'Take back …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
    await soon(() => weightOf('10.0.0.1:80')).toBe(1);
  });

  it.each(['-1', '1000001', '', '1e9'])('can’t set the weight %j', async (weight) => {
    await page.getByRole('button', { name: 'Set weight …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Weight', { exact: true }).fill(weight);
    await soon(() => dialog.getByRole('button', { name: 'Set weight' }).isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
  });

  it('is warned before the last instance that is up is drained', async () => {
    await stage.put({ service: 'alone', host: '10.0.9.1', port: 80 });
    await page.goto(`${stage.page}#/services/shop/alone/10.0.9.1%3A80`);
    await page.getByRole('button', { name: 'Drain …' }).click();
    await soon(() => page.getByRole('dialog').innerText()).toContain('No other instance of alone is up.');
    await page.keyboard.press('Escape');
  });

  it('doesn’t change what somebody else changed meanwhile, and is shown how it is now', async () => {
    await page.getByRole('button', { name: 'Set weight …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Weight', { exact: true }).fill('9');
    await stage.put({ service: 'ledger', host: '10.0.0.1', port: 80, zone: 'eu-2' });
    await dialog.getByRole('button', { name: 'Set weight' }).click();
    await soon(() => dialog.getByRole('alert').innerText()).toContain('Somebody changed it meanwhile');
    expect(await weightOf('10.0.0.1:80')).toBe(1);
    await dialog.getByRole('button', { name: 'Set weight' }).click();
    await soon(() => weightOf('10.0.0.1:80')).toBe(9);
    await page.getByRole('button', { name: 'Take back …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
    await soon(() => weightOf('10.0.0.1:80')).toBe(1);
  });
});

describe('by the keyboard alone', () => {
  it('one signs in, finds an instance, drains it, and enables it again', async () => {
    const alone = await visit(stage.page);
    const keys = alone.page.keyboard;
    try {
      await alone.page.getByLabel('Token or API key').waitFor();
      await soon(() => focused(alone.page)).toBe('Token or API key');
      await keys.insertText(stage.keys.operator);
      await keys.press('Enter');
      await alone.page.getByRole('grid', { name: 'Services of shop' }).waitFor();
      await keys.press('Tab');
      await soon(() => focused(alone.page)).toBe('Skip to the content');
      await keys.press('/');
      await soon(() => focused(alone.page)).toBe('Search services');
      await keys.insertText('ledger');
      await keys.press('ArrowDown');
      await keys.press('ArrowDown');
      await keys.press('Enter');
      const grid = alone.page.getByRole('grid', { name: 'Instances of ledger' });
      await grid.waitFor();
      await keys.press('/');
      await keys.press('ArrowDown');
      await keys.press('End');
      await soon(() => grid.locator('[aria-selected="true"]').innerText()).toContain('10.0.0.3:80');
      await keys.press('Enter');
      await soon(() => focused(alone.page)).toBe('10.0.0.3:80');
      await keys.press('d');
      await soon(() => focused(alone.page)).toBe('Cancel');
      await soon(() => alone.page.getByRole('button', { name: 'Drain', exact: true }).isEnabled()).toBe(true);
      await keys.press('Tab');
      await soon(() => focused(alone.page)).toBe('Drain');
      await keys.press('Enter');
      await soon(() => statusOf('10.0.0.3:80')).toBe('OUT_OF_SERVICE');
      await soon(() => alone.page.getByRole('dialog').count()).toBe(0);
      await keys.press('e');
      await soon(() => alone.page.getByRole('button', { name: 'Enable', exact: true }).isEnabled()).toBe(
        true,
      );
      await keys.press('Tab');
      await keys.press('Enter');
      await soon(() => statusOf('10.0.0.3:80')).toBe('UP');
      await soon(() => alone.page.getByRole('dialog').count()).toBe(0);
      await keys.press('Escape');
      await soon(() => focused(alone.page)).toBe('Instances of ledger');
      expect(alone.faults).toEqual([]);
    } finally {
      await alone.close();
    }
  });

  it('one is back in the table when the details close, in a narrow window too', async () => {
    const wide = page.viewportSize() ?? { width: 1_280, height: 800 };
    await page.setViewportSize({ width: 480, height: 800 });
    try {
      await page.keyboard.press('Escape');
      await soon(() => focused(page)).toBe('Instances of ledger');
      await page.keyboard.press('Enter');
      await soon(() => focused(page)).toBe('10.0.0.1:80');
      await page.goBack();
      await soon(() => focused(page)).toBe('Instances of ledger');
    } finally {
      await page.setViewportSize(wide);
    }
  });

  it('one goes from view to view, and finds the list of keys', async () => {
    for (const [pair, heading] of [
      ['g t', 'Topology'],
      ['g c', 'Changes'],
      ['g a', 'Access'],
    ] as const) {
      for (const key of pair.split(' ')) await page.keyboard.press(key);
      await page.getByRole('heading', { name: heading, exact: true }).waitFor();
    }
    await page.keyboard.press('?');
    const list = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await soon(() => list.innerText()).toContain('Drain');
    await list.getByLabel('Single keys are shortcuts').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.keyboard.press('?');
    expect(await page.getByRole('heading', { name: 'Access', exact: true }).count()).toBe(1);
    expect(await list.count()).toBe(0);
    await page.evaluate(() => localStorage.clear());
  });

  it('one sees where one is', async () => {
    await page.goto(`${stage.page}#/services/shop`);
    await page.getByRole('grid').waitFor();
    await page.keyboard.press('Tab');
    for (let step = 0; step < 12; step++) {
      const outline = await page.evaluate(() => {
        const element = document.activeElement;
        return element && element !== document.body ? getComputedStyle(element).outlineStyle : 'body';
      });
      expect(['solid', 'auto', 'body']).toContain(outline);
      await page.keyboard.press('Tab');
    }
  });
});

describe('somebody who may only look', () => {
  it('is offered no change, and told what it takes', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, stage.keys.viewer);
    await open('10.0.0.1:80');
    await soon(() => details('10.0.0.1:80').innerText()).toContain('takes a role with override');
    expect(await page.getByRole('button', { name: /Drain|Enable|weight/ }).count()).toBe(0);
    await page.keyboard.press('d');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });
});

async function open(id: string): Promise<void> {
  await page.goto(`${stage.page}#/services/shop/ledger/${encodeURIComponent(id)}`);
  await details(id).waitFor();
}

function details(id: string) {
  return page.getByRole('complementary', { name: `Instance ${id}` });
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await stage.read('shop', 'ledger')).find((one) => one.id === id)?.status;
}

async function weightOf(id: string): Promise<number | undefined> {
  return (await stage.read('shop', 'ledger')).find((one) => one.id === id)?.weight;
}

/** The name of what has the focus. */
function focused(of: Page): Promise<string> {
  return of.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    const { placeholder = '', labels = null } = (element ?? {}) as Partial<HTMLInputElement>;
    const name = element?.ariaLabel || placeholder || labels?.[0]?.textContent || element?.textContent;
    return (name ?? '').trim();
  });
}
