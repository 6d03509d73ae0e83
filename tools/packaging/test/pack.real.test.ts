import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packAll, type PackedPackage } from '../src/packed.ts';
import { run, runOrThrow, type RunOptions } from '../src/run.ts';
import { packageNamed, PACKAGES, ROOT } from '../src/workspace.ts';

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));
const MINUTE_MS = 60_000;

/** What a careful user's project says. The types of Node are the workspace's, as users bring their own. */
const STRICT = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  },
  include: ['*.ts', 'configs'],
};

let folder = '';
let packed: readonly PackedPackage[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-packed-'));
  packed = await packAll(folder);
}, 8 * MINUTE_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('every tarball', () => {
  it('is one of each package', () => {
    expect(packed.map(({ name }) => name).toSorted()).toEqual(
      PACKAGES.map(({ manifest }) => manifest.name).toSorted(),
    );
  });

  it('has a README and the licence', () => {
    for (const { name, files } of packed)
      expect(files, name).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json']));
  });

  it('has every file that its exports name, but for source that is exported to nobody', () => {
    for (const { name, files } of packed) {
      const targets = Object.values(packageNamed(name).manifest.exports)
        .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
        .filter((target) => !target.includes('*'))
        .map((target) => target.replace('./', ''));
      expect(files, name).toEqual(expect.arrayContaining(targets));
    }
  });

  it('has the source of each compiled file, so that a debugger finds it', () => {
    for (const { name, files } of packed) {
      // `dist/files` is what a browser gets: bundled, not compiled.
      const compiled = files.filter((file) => /^dist\/(?!files\/).*\.js$/.test(file));
      const sources = compiled.map((file) => file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts'));
      expect(compiled.length, name).toBeGreaterThan(0);
      expect(files, name).toEqual(expect.arrayContaining(sources));
    }
  });

  it('has no test, no build state and no leftovers', () => {
    const strays = packed.flatMap(({ name, files }) =>
      files
        .filter((file) => !/^(?:dist|src|schema)\/|^(?:README\.md|LICENSE|package\.json)$/.test(file))
        .concat(files.filter((file) => /\.test\.|\.tsbuildinfo$|(?:^|\/)test\//.test(file)))
        .map((file) => `${name}: ${file}`),
    );
    expect(strays).toEqual([]);
  });
});

describe('in an empty project, the core alone', () => {
  const project = inProject('core-alone', ['@rollcall/core']);

  it('is imported by plain Node, with its subpaths', async () => {
    const { stdout } = await project.node('import-core.js');
    expect(JSON.parse(stdout)).toEqual({
      core: 'function',
      testing: 'function',
      schema: 'Rollcall configuration',
      version: packageNamed('@rollcall/core').manifest.version,
    });
  });

  it.each([
    ['memory', {}],
    ['file', { dir: 'listed' }],
  ])('registers, finds, updates and leaves on %s', async (type, options) => {
    const env = { ROLLCALL_REGISTRY_TYPE: type, ROLLCALL_REGISTRY_OPTIONS: JSON.stringify(options) };
    const { stdout } = await project.node('register-and-find.js', { env });
    expect(JSON.parse(stdout)).toEqual({
      found: ['10.0.0.7:8080'],
      weight: 5,
      services: ['user-service'],
      left: true,
    });
  });

  it.each(['yaml', 'ts', 'json'])('reads rollcall.config.%s', async (ending) => {
    const { stdout } = await project.node('show-config.js', {
      env: { ROLLCALL_CONFIG: `configs/${ending}/rollcall.config.${ending}` },
    });
    expect(JSON.parse(stdout)).toEqual({ type: 'memory', ttlMs: 9000 });
  });

  it('loads an adapter in TypeScript, which shares the core with the program', async () => {
    const { stdout } = await project.node('use-own-adapter.js');
    expect(JSON.parse(stdout)).toEqual({ type: 'own', ours: true, code: 'PERMISSION_DENIED' });
  });

  it('says which package a registry needs, and how it is installed', async () => {
    const { code, stderr } = await project.tryNode('show-config.js', {
      env: { ROLLCALL_REGISTRY_TYPE: 'etcd' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('INVALID_CONFIG');
    expect(stderr).toContain('run npm install @rollcall/etcd');
  });
});

describe('in an empty project, every package', () => {
  const project = inProject(
    'everything',
    PACKAGES.map(({ manifest }) => manifest.name),
  );

  it('is imported by plain Node', async () => {
    const { stdout } = await project.node('import-each.js', {
      env: { PACKAGES: PACKAGES.map(({ manifest }) => manifest.name).join(' ') },
    });
    expect(Object.keys(JSON.parse(stdout) as object).toSorted()).toEqual(
      PACKAGES.map(({ manifest }) => manifest.name).toSorted(),
    );
  });

  it('is there once: adapters share the core of the project', async () => {
    const { stdout } = await runOrThrow(
      'npm',
      ['ls', '@rollcall/core', '--all', '--parseable'],
      project.options(),
    );
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  it('registry.type etcd finds its package', async () => {
    const { stdout } = await project.node('use-etcd.js', {
      env: { ENDPOINT: `http://127.0.0.1:${await closedPort()}` },
    });
    expect(JSON.parse(stdout)).toEqual({ type: 'etcd', code: 'UNAVAILABLE' });
  });

  it('Nacos by HTTP says which package it needs, and how it is installed', async () => {
    const { stdout } = await project.node('nacos-by-http.js');
    expect(JSON.parse(stdout)).toEqual({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('npm install nacos@') as string,
    });
  });

  it(
    'the conformance kit runs under node:test',
    async () => {
      const { stdout } = await runOrThrow(
        process.execPath,
        ['--test', '--test-reporter=tap', 'kit.test.js'],
        project.options({ timeoutMs: 2 * MINUTE_MS }),
      );
      expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(50);
      expect(stdout).toMatch(/^# fail 0$/m);
    },
    3 * MINUTE_MS,
  );

  it('its types hold in a strict project that checks libraries too', async () => {
    expect(await project.typeErrors()).toBe('');
  });
});

/** A project outside the workspace, with these packages installed from their tarballs and the test programs beside. */
function inProject(name: string, packages: readonly string[]) {
  const cwd = (): string => join(folder, 'projects', name);
  const options = (more: Partial<RunOptions> = {}): RunOptions => ({ cwd: cwd(), ...more });

  beforeAll(async () => {
    await mkdir(cwd(), { recursive: true });
    await cp(PROGRAMS, cwd(), { recursive: true });
    await writeFile(join(cwd(), 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
    const tarballs = packages.map((wanted) => packed.find((one) => one.name === wanted)?.tarball ?? wanted);
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs];
    await runOrThrow('npm', args, options({ timeoutMs: 4 * MINUTE_MS }));
  }, 5 * MINUTE_MS);

  return {
    options,
    node: (program: string, more?: Partial<RunOptions>) =>
      runOrThrow(process.execPath, [program], options(more)),
    tryNode: (program: string, more?: Partial<RunOptions>) => run(process.execPath, [program], options(more)),
    typeErrors: async () => {
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      await writeFile(join(cwd(), 'tsconfig.json'), JSON.stringify(STRICT));
      return (await run(process.execPath, [tsc, '-p', '.'], options())).stdout;
    },
  };
}

/** A port that refuses connections. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
