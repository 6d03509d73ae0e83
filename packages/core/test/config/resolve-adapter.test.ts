import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveAdapter } from '../../src/config/resolve-adapter.ts';
import { tempFolder } from './temp-folder.ts';

const OPTIONS = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";
const DEFINITION = `export const adapter = { type: 'mine', options: ${OPTIONS}, create() {} };`;

function packageFiles(name: string, main: string): Record<string, string> {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({
      name,
      type: 'module',
      exports: { import: './main.js' },
    }),
    [`node_modules/${name}/main.js`]: main,
  };
}

describe('a registry type', () => {
  it.each(['memory', 'file'])('%s is built in', async (type) => {
    expect((await resolveAdapter(type)).type).toBe(type);
  });

  it.each(['./mine.js', './mine.ts', '../lib/mine.mjs'])(
    '%s is a module relative to the folder',
    async (type) => {
      const folder = await tempFolder({
        'package.json': '{"type":"module"}',
        'app/mine.js': DEFINITION,
        'app/mine.ts': `${DEFINITION} export type T = string;`,
        'lib/mine.mjs': DEFINITION,
      });
      expect((await resolveAdapter(type, { cwd: join(folder, 'app') })).type).toBe('mine');
    },
  );

  it('may be an absolute path or a file URL', async () => {
    const path = join(await tempFolder({ 'mine.mjs': DEFINITION }), 'mine.mjs');
    expect((await resolveAdapter(path)).type).toBe('mine');
    expect((await resolveAdapter(pathToFileURL(path).href)).type).toBe('mine');
  });

  it.each(['@acme/rollcall-redis', 'rollcall-redis'])('%s is a package of the application', async (name) => {
    const folder = await tempFolder({ ...packageFiles(name, DEFINITION), 'src/x': '' });
    expect((await resolveAdapter(name, { cwd: join(folder, 'src') })).type).toBe('mine');
  });

  it('that is ours is taken from the application, too', async () => {
    const cwd = await tempFolder(packageFiles('@rollcall/consul', DEFINITION.replace('mine', 'consul')));
    expect((await resolveAdapter('consul', { cwd })).type).toBe('consul');
  });
});

describe('a registry type that leads nowhere', () => {
  it('is answered with the known ones and the nearest', async () => {
    const answer = resolveAdapter('etdc');
    await expect(answer).rejects.toMatchObject({ code: 'INVALID_CONFIG', field: 'registry.type' });
    await expect(answer).rejects.toThrow(
      /neither a known type \(memory, file, multi, etcd, .*Did you mean etcd\?$/,
    );
  });

  it('is answered with the install command when its package is missing', async () => {
    const cwd = await tempFolder();
    // Those of Rollcall itself are all here; tools/packaging asks for one where it isn't.
    await expect(resolveAdapter('@acme/none', { cwd })).rejects.toThrow('run npm install @acme/none');
  });

  it('is answered with the path when there is no such file', async () => {
    const cwd = await tempFolder();
    await expect(resolveAdapter('./gone.js', { cwd })).rejects.toThrow(join(cwd, 'gone.js'));
  });

  it('is told apart from a package that is there but fails', async () => {
    const cwd = await tempFolder(packageFiles('@rollcall/nacos', "import 'not-there-either';"));
    await expect(resolveAdapter('nacos', { cwd })).rejects.toThrow(
      /@rollcall\/nacos, which is there \(.*main\.js\) but can't be loaded: .*not-there-either/,
    );
  });
});

describe('a module that is no adapter', () => {
  it.each([
    ['export const other = 1;', 'which has no export `adapter`'],
    ['export const adapter = 7;', 'malformed: it must be an object, made with defineAdapter()'],
    [
      "export const adapter = { type: 'x' };",
      'malformed: `options` must be a Standard Schema (https://standardschema.dev), `create` must be a function',
    ],
    [`export const adapter = { options: ${OPTIONS}, create() {} };`, 'malformed: `type` must be a name'],
  ])('%s', async (text, message) => {
    const cwd = await tempFolder({ 'a.mjs': text });
    await expect(resolveAdapter('./a.mjs', { cwd })).rejects.toThrow(message);
  });
});
