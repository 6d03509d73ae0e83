import type { Page, Request } from 'playwright-core';
import { type Browser, openBrowser, type BrowserOptions } from './chromium.ts';

/** A page of the console in a browser of its own, and what it did. */
export interface Visit {
  readonly page: Page;
  /** Every request that the browser made for it. */
  readonly requests: readonly Request[];
  /** What its policy stopped, and what failed in it. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Opens the console, signed in by `key`. */
export async function visit(
  address: string,
  { key, hash = '', ...options }: BrowserOptions & { readonly key?: string; readonly hash?: string } = {},
): Promise<Visit> {
  const browser: Browser = await openBrowser(options);
  const page = await browser.context.newPage();
  const requests: Request[] = [];
  const faults: string[] = [];
  page.on('request', (request) => requests.push(request));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // A status that a test asks for is no fault.
    if (message.type() === 'error' && !/status of [45]|ERR_CONNECTION|ERR_INCOMPLETE/.test(message.text()))
      faults.push(message.text());
  });
  await page.exposeFunction('tellFault', (text: string) => faults.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      (window as unknown as { tellFault(text: string): void }).tellFault(
        `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`,
      ),
    );
  });
  await page.goto(`${address}${hash}`);
  if (key !== undefined) await signIn(page, key);
  return { page, requests, faults, close: () => browser.close() };
}

export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('Token or API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
}
