import { describe, expect, it } from 'vitest';
import { CONSOLE_HEADERS, consoleFiles } from '../src/index.ts';

describe('the files of the page', () => {
  it('are one page, its scripts and its style, each with type and tag', async () => {
    const files = await consoleFiles();
    expect([...files.keys()].toSorted()).toEqual([
      'console.js',
      'icon.svg',
      'index.html',
      'licenses.txt',
      'style.css',
      'theme.js',
    ]);
    for (const { etag, contentType, body } of files.values()) {
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      expect(contentType).toMatch(/^\w+\/[\w+]+/);
      expect(body.length).toBeGreaterThan(50);
    }
  });

  it('name no other place than their own folder', async () => {
    const page = await textOf('index.html');
    const asked = Array.from(page.matchAll(/(?:src|href)="([^"]*)"/g), ([, target]) => target);
    const files = await consoleFiles();
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.filter((target) => !files.has(target ?? ''))).toEqual([]);
    expect(await textOf('style.css')).not.toMatch(/url\(|@import/);
  });

  it('hold no script or style in the page itself', async () => {
    const page = await textOf('index.html');
    expect(page).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
  });

  it('are small', async () => {
    const files = await consoleFiles();
    const bytes = [...files.values()].reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeLessThan(150_000);
  });

  it('carry the licences of the libraries inside', async () => {
    const text = await textOf('licenses.txt');
    for (const name of ['preact', '@preact/signals', '@preact/signals-core', 'eventsource-parser'])
      expect(text).toContain(`${name}\n\n`);
  });
});

describe('the headers', () => {
  it('allow nothing that is not the page’s own', () => {
    const policy = CONSOLE_HEADERS['content-security-policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).toContain("frame-ancestors 'none'");
  });
});

async function textOf(name: string): Promise<string> {
  const file = (await consoleFiles()).get(name);
  return Buffer.from(file?.body ?? '').toString();
}
