import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { visit, type Visit } from './support/visit.ts';

/** What somebody may register who wants to run code in an operator's browser. */
const HOSTILE = [
  '<img src=x onerror=pwned()>',
  '<script>pwned()</script>',
  '"><svg onload=pwned()>',
  'javascript:pwned()',
  "'-pwned()-'",
  '{{constructor.constructor("pwned()")()}}',
  '__proto__',
  '\u202Egnp.exe',
];

let stage: Stage;
let seen: Visit;
let page: Page;

beforeAll(async () => {
  stage = await openStage({ namespaces: { shop: {}, '<b onmouseover=pwned()>': { mode: 'open' } } });
  for (const [i, text] of HOSTILE.entries())
    await stage.put({
      service: text,
      id: text,
      host: `10.0.0.${i + 1}`,
      port: 80,
      zone: text,
      version: text,
      tags: [text],
      metadata: { [text]: text },
      endpoints: ['javascript:pwned()'],
    });
  await stage.put({ namespace: '<b onmouseover=pwned()>', service: 's', host: '10.0.1.1', port: 80 });
  seen = await visit(stage.page, { key: stage.keys.operator, hash: '#/services/shop' });
  page = seen.page;
  await page.evaluate(() => Object.assign(window, { pwned: () => Object.assign(window, { ran: true }) }));
});

afterAll(async () => {
  await seen?.close();
  await stage?.close();
});

describe('script in what somebody registered', () => {
  it('is shown as text in the list of services', async () => {
    await soon(() => page.getByRole('grid').locator('.cell-name').allInnerTexts()).toEqual(
      expect.arrayContaining(['Service', ...HOSTILE.filter((text) => !text.includes('\u202E'))]),
    );
    await notRun();
  });

  it.each(HOSTILE)('is shown as text in the instances and their details: %j', async (text) => {
    const encoded = encodeURIComponent(text);
    await page.goto(`${stage.page}#/services/shop/${encoded}/${encoded}`);
    const details = page.getByRole('complementary');
    await soon(() => details.locator('h2').textContent()).toBe(text);
    expect(await details.locator('dd').allTextContents()).toEqual(
      expect.arrayContaining([text, 'javascript:pwned()']),
    );
    await notRun();
  });

  it('is shown as text in the dialog', async () => {
    await page.getByRole('button', { name: 'Drain …' }).click();
    await soon(() => page.getByRole('dialog').locator('h2').innerText()).toContain('Drain');
    await page.keyboard.press('Escape');
    await notRun();
  });

  it.each(['#/topology', '#/changes', '#/access', '#/services/%3Cb%20onmouseover%3Dpwned()%3E'])(
    'is shown as text in %s',
    async (hash) => {
      await page.goto(`${stage.page}${hash}`);
      await soon(() => page.locator('#content').innerText()).not.toBe('');
      await soon(() => page.locator('#content').innerHTML()).toMatch(/&lt;/);
      await notRun();
    },
  );

  it('is in no link and no attribute that runs', async () => {
    for (const hash of ['#/services/shop', '#/topology', '#/changes']) {
      await page.goto(`${stage.page}${hash}`);
      await soon(() => page.locator('#content a').count()).toBeGreaterThan(3);
      const bad = await page.evaluate(() =>
        Array.from(document.querySelectorAll('*')).flatMap((element) =>
          Array.from(element.attributes)
            .filter(
              ({ name, value }) =>
                name.startsWith('on') || (name === 'href' && !/^#|^(?:icon|style)\./.test(value)),
            )
            .map(({ name, value }) => `${element.tagName} ${name}=${value}`),
        ),
      );
      expect(bad).toEqual([]);
    }
  });
});

describe('the policy of the page', () => {
  it('was not touched by anything that was done here', () => {
    expect(seen.faults).toEqual([]);
  });

  it.each([
    ['a script in the page', () => plant('script', 'textContent', 'window.ran = true')],
    ['a script from elsewhere', () => plant('script', 'src', 'https://example.invalid/x.js')],
    ['a picture from elsewhere', () => plant('img', 'src', 'https://example.invalid/x.png')],
    ['a frame', () => plant('iframe', 'src', 'https://example.invalid/')],
    ['a form', () => page.evaluate('submitForm()')],
    ['a style in the page', () => plant('style', 'textContent', 'body { display: none }')],
    ['text as markup', () => page.evaluate('setMarkup()')],
  ])('stops %s', async (_what, attempt) => {
    const before = seen.faults.length;
    await page.evaluate(() => {
      Object.assign(window, {
        submitForm: () => {
          const form = document.createElement('form');
          form.action = 'https://example.invalid/';
          form.method = 'post';
          document.body.append(form);
          form.submit();
        },
        setMarkup: () => {
          try {
            document.createElement('div').innerHTML = '<img src=x onerror="window.ran = true">';
          } catch {
            // That is how it is stopped.
          }
        },
      });
    });
    await attempt().catch(() => {});
    await soon(() => seen.faults.slice(before).join('\n')).toMatch(/policy|Content Security Policy|Trusted/i);
    await notRun();
  });

  it('lets nobody ask another server', async () => {
    const answer = await page.evaluate(() =>
      fetch('https://example.invalid/').then(
        () => 'asked',
        () => 'stopped',
      ),
    );
    expect(answer).toBe('stopped');
    const { origin } = new URL(stage.page);
    const elsewhere = seen.requests.filter(
      (request) => new URL(request.url()).origin !== origin && request.failure() === null,
    );
    expect(elsewhere.map((request) => request.url())).toEqual([]);
  });
});

describe('the key', () => {
  it('is in the headers of requests and nowhere else', async () => {
    await page.goto(`${stage.page}#/services/shop`);
    await soon(() => page.getByRole('grid').count()).toBe(1);
    const key = stage.keys.operator;
    const places = await page.evaluate(
      (secret) => ({
        address: location.href.includes(secret),
        page: document.documentElement.outerHTML.includes(secret),
        cookies: document.cookie,
        kept: JSON.stringify(localStorage).includes(secret),
        tab: JSON.stringify(sessionStorage).includes(secret),
      }),
      key,
    );
    expect(places).toEqual({ address: false, page: false, cookies: '', kept: false, tab: true });
    expect(seen.requests.filter((request) => request.url().includes(key))).toEqual([]);
    const files = seen.requests.filter((request) => request.url().includes('/console/'));
    for (const file of files) expect(await file.allHeaders()).not.toHaveProperty('authorization');
  });

  it('is forgotten when one signs out', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token or API key').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await page.reload();
    await page.getByLabel('Token or API key').waitFor();
  });
});

async function notRun(): Promise<void> {
  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
}

function plant(tag: string, property: string, value: string): Promise<void> {
  return page.evaluate(
    ([name, key, text]) => {
      const element = document.createElement(name);
      try {
        Object.assign(element, { [key]: text });
      } catch {
        element.append(text);
      }
      document.body.append(element);
      element.remove();
    },
    [tag, property, value] as const,
  );
}
