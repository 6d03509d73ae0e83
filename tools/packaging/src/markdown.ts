import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './workspace.ts';

/** A page of the documentation. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a page. */
export interface Block {
  /** Page and line, for messages. */
  readonly where: string;
  readonly language: string;
  readonly text: string;
  /** The file that it quotes: a comment `<!-- from: path -->` before the block names it. */
  readonly from: string | undefined;
}

/** The pages of the root, of `docs/`, and of every package, tool and example. */
export function pages(): readonly Page[] {
  const folders = ['.', ...['packages', 'tools', 'examples'].flatMap((group) => childrenOf(group))];
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join('docs', name),
  );
  return [...folders.flatMap(filesOf), ...docs]
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function childrenOf(group: string): string[] {
  return readdirSync(join(ROOT, group), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(group, name));
}

function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => relative('.', join(folder, name)));
}

/** The fenced blocks of a page. */
export function blocksOf({ path, text }: Page): readonly Block[] {
  const fence = /(?:^<!-- from: (\S+) -->\n\s*)?^```(\w*)\n([^]*?)^```$/gm;
  return Array.from(text.matchAll(fence), (match) => ({
    where: `${path}:${text.slice(0, match.index).split('\n').length}`,
    from: match[1],
    language: match[2] ?? '',
    text: match[3] ?? '',
  }));
}

/** The targets of a page's links, without what stands in code. */
export function linksOf({ text }: Page): readonly string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target ?? '');
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading]) =>
      (heading ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
