import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig } from '@rollcall/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anchorsOf, blocksOf, linksOf, pages, type Block } from '../src/markdown.ts';
import { run } from '../src/run.ts';
import { PACKAGES, ROOT } from '../src/workspace.ts';

const PAGES = pages();

/** The pages whose code is all checked. The kit's README shows a test of an adapter that isn't there. */
const CHECKED = PAGES.filter(
  ({ path }) =>
    !path.startsWith('tools/') && !path.startsWith('examples/') && path !== 'packages/conformance/README.md',
);
const BLOCKS = CHECKED.flatMap(blocksOf);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-docs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('every page', () => {
  it('links to what is there', () => {
    const broken = PAGES.flatMap((page) =>
      linksOf(page)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !isThere(page.path, target))
        .map((target) => `${page.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('is linked from the README, from page to page', () => {
    const reached = new Set<string>();
    const follow = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      const page = PAGES.find((one) => one.path === path);
      for (const target of page ? linksOf(page) : []) follow(join(dirname(path), target.replace(/#.*/, '')));
    };
    follow('README.md');
    const docs = PAGES.map(({ path }) => path).filter((path) => path.startsWith('docs/'));
    expect(docs.filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('the code in the pages', () => {
  it('that is said to be from a file is there, word by word', () => {
    const quotes = BLOCKS.filter(({ from }) => from !== undefined);
    const wrong = quotes.filter(
      ({ from = '', text }) => !readFileSync(join(ROOT, from), 'utf8').includes(text.trimEnd()),
    );
    expect(wrong.map(({ where }) => where)).toEqual([]);
    expect(quotes.length).toBeGreaterThan(0);
  });

  it('in TypeScript compiles, each block as a module of its own', async () => {
    const blocks = blocksIn('ts').filter(({ from }) => from === undefined);
    expect(blocks.length).toBeGreaterThan(3);
    const project = join(folder, 'blocks');
    await mkdir(project);
    await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    const compilerOptions = { rootDir: '/', types: ['node'] };
    const config = { extends: join(ROOT, 'tsconfig.tests.json'), compilerOptions, include: ['*.ts'] };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
    for (const { where, text } of blocks)
      await writeFile(join(project, `${where.replaceAll(/\W/g, '_')}.ts`), text);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { code, stdout } = await run(process.execPath, [tsc, '-p', '.'], { cwd: project });
    expect(stdout).toBe('');
    expect(code).toBe(0);
  }, 60_000);

  it.each(blocksIn('yaml').filter(({ from }) => from === undefined))(
    'in YAML is a configuration that loads ($where)',
    async ({ where, text }) => {
      const file = join(folder, `${where.replaceAll(/\W/g, '_')}.yaml`);
      await writeFile(file, text);
      const { config, warnings } = await loadConfig({ file, env: {} });
      expect(config.registry.type).not.toBe('');
      expect(warnings).toEqual([]);
    },
  );

  it.each(blocksIn('json'))('in JSON is JSON ($where)', ({ text }) => {
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it('for a shell names scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = PAGES.flatMap(blocksOf)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ where, text }) =>
        Array.from(text.matchAll(/^npm (?:run (?:-s |--silent )?([\w:]+)|(start|test)\b)/gm), (match) => ({
          where,
          script: match[1] ?? match[2] ?? '',
        })),
      );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ script }) => !Object.hasOwn(scripts, script))).toEqual([]);
  });
});

describe('every package', () => {
  it.each(PACKAGES)('$short says what it is, for whom, and under which licence', ({ manifest }) => {
    expect(manifest).toMatchObject({ license: 'Apache-2.0', engines: { node: '>=20.19.0' } });
    expect(manifest.description).toMatch(/\.$/);
    expect(manifest.keywords?.length).toBeGreaterThan(0);
  });

  it.each(PACKAGES)('$short has a README, and the licence of the project', ({ folder: home, manifest }) => {
    expect(readFileSync(join(home, 'README.md'), 'utf8')).toContain(`# ${manifest.name}\n`);
    // npm packs the licence only from the package's own folder.
    expect(existsSync(join(home, 'LICENSE')), `cp LICENSE ${home}`).toBe(true);
    expect(readFileSync(join(home, 'LICENSE'), 'utf8')).toBe(readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
  });

  it('has one version, which the changelog knows', () => {
    const versions = [...new Set(PACKAGES.map(({ manifest }) => manifest.version))];
    expect(versions).toHaveLength(1);
    expect(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')).toContain(`## ${versions[0]}`);
  });
});

describe('the repository', () => {
  it('names no place of a machine that it was worked on', async () => {
    // A root such as `/app` is too short to be told from other text.
    const own = ROOT.split('/').length > 2 ? [`${ROOT}/`] : [];
    const patterns = ['/home/', '/Users/', ...own].flatMap((place) => ['-e', place]);
    const args = [
      'grep',
      '--untracked',
      '-lIF',
      ...patterns,
      '--',
      '.',
      ':!tools/packaging/test/docs.real.test.ts',
    ];
    // It ends with 1 where it found nothing.
    expect(await run('git', args, { cwd: ROOT })).toMatchObject({ stdout: '', code: 1 });
  });

  it('has a lock file that is free of addresses, so that any mirror serves it', () => {
    expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved": "https?:/);
  });
});

function blocksIn(wanted: string): Block[] {
  return BLOCKS.filter(({ language }) => language === wanted);
}

function isThere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(readFileSync(join(ROOT, file), 'utf8')).has(anchor);
}
