import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findConfigFile, readConfigFile } from '../../src/config/config-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { tempFolder } from './temp-folder.ts';

describe('every kind of file', () => {
  it.each([
    ['rollcall.config.yaml', '# a comment\nlog:\n  level: debug\n'],
    ['rollcall.config.yml', 'log: { level: debug }'],
    ['rollcall.config.json', '{\n\t"$schema": "./node_modules/x.json",\n\t"log": { "level": "debug" }\n}'],
    ['rollcall.config.json', '\uFEFF{"log":{"level":"debug"}}'],
    ['rollcall.config.js', 'export default { log: { level: "debug" } };'],
    ['rollcall.config.mjs', 'export default { log: { level: "debug" } };'],
    ['rollcall.config.ts', 'type L = "debug"; const level: L = "debug"; export default { log: { level } };'],
    ['rollcall.config.mts', 'import { level } from "./level.ts"; export default { log: { level } };'],
  ])('%s', async (name, text) => {
    const cwd = await tempFolder({
      [name]: text,
      'level.ts': 'export const level: string = "debug";',
      'package.json': '{"type":"module"}',
    });
    const { config, sources } = await loadConfig({ cwd, env: {} });
    expect(config.log.level).toBe('debug');
    expect(sources).toEqual([join(cwd, name)]);
  });

  it.each(['rollcall.config.yaml', 'rollcall.config.json'])(
    'an empty %s means the defaults',
    async (name) => {
      const cwd = await tempFolder({ [name]: '' });
      expect((await loadConfig({ cwd, env: {} })).config.log.level).toBe('info');
    },
  );
});

describe('the search', () => {
  it('goes up from the working folder to the nearest', async () => {
    const cwd = await tempFolder({
      'rollcall.config.yaml': '',
      'a/rollcall.config.json': '{}',
      'a/b/c/x': '',
    });
    expect(await findConfigFile(join(cwd, 'a/b/c'))).toBe(join(cwd, 'a/rollcall.config.json'));
  });

  it('finds nothing where there is nothing', async () => {
    expect(await findConfigFile(await tempFolder())).toBeUndefined();
  });

  it('refuses two files in one folder, and names both', async () => {
    const cwd = await tempFolder({ 'rollcall.config.json': '{}', 'rollcall.config.ts': 'export default {}' });
    await expect(findConfigFile(cwd)).rejects.toThrow(
      `there are rollcall.config.json and rollcall.config.ts in ${cwd}: keep one of them`,
    );
  });

  it('is left out when ROLLCALL_CONFIG names a file', async () => {
    const cwd = await tempFolder({
      'rollcall.config.yaml': 'log: {level: warn}',
      'conf/prod.yaml': 'log: {level: error}',
    });
    const { config } = await loadConfig({ cwd, env: { ROLLCALL_CONFIG: 'conf/prod.yaml' } });
    expect(config.log.level).toBe('error');
  });

  it('is left out when the program names a file, which wins over ROLLCALL_CONFIG', async () => {
    const cwd = await tempFolder({ 'a.yaml': 'log: {level: warn}', 'b.yaml': 'log: {level: error}' });
    const { config } = await loadConfig({ cwd, file: 'a.yaml', env: { ROLLCALL_CONFIG: 'b.yaml' } });
    expect(config.log.level).toBe('warn');
  });
});

describe('a file that is not well formed', () => {
  it.each([
    ['a.yaml', 'registry:\n  type: [memory\n  options: 1\n', ':3:3: flow sequence'],
    ['a.yaml', 'log:\n\tlevel: debug\n', ':2:1: tabs are not allowed as indentation'],
    ['a.yaml', 'log: 1\nlog: 2\n', ':2:1: the key stands there twice'],
    ['a.json', '{\n  "log": { "level": "debug", }\n}', ':2:30 is not JSON: expected a key in double quotes'],
    ['a.json', '{\n  "log": {\n', ':3:1 is not JSON: expected a key in double quotes, but the file ends'],
    ['a.json', '{\n  // note\n  "log": {}\n}', ':2:3 is not JSON'],
    ['a.json', '{ "log": {},\n  "log": {} }', ':2:3: the key stands there twice'],
  ])('%s: line and column of the fault (%#)', async (name, text, where) => {
    const file = join(await tempFolder({ [name]: text }), name);
    await expect(readConfigFile(file)).rejects.toThrow(`${file}${where}`);
  });

  it.each([
    ['a.json', '{"password": hunter2}'],
    ['a.yaml', 'password: *hunter2'],
    ['a.yaml', 'password: !hunter2 x'],
    ['a.yaml', 'password: "\\hunter2"'],
    ['a.yaml', 'password: @hunter2'],
    ['a.yaml', 'password: "x" hunter2'],
    ['a.yaml', 'password: |hunter2\n x'],
  ])('%s: without what it quotes (%#)', async (name, text) => {
    const file = join(await tempFolder({ [name]: text }), name);
    const error: unknown = await readConfigFile(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(String(error)).not.toContain('hunter2');
  });

  it('a module that throws is named with its reason', async () => {
    const file = join(await tempFolder({ 'a.mjs': 'throw new Error("no luck")' }), 'a.mjs');
    await expect(readConfigFile(file)).rejects.toThrow(`${file} can't be loaded: no luck`);
  });

  it('a module without a default export', async () => {
    const file = join(await tempFolder({ 'a.mjs': 'export const config = {}' }), 'a.mjs');
    await expect(readConfigFile(file)).rejects.toThrow('has no default export');
  });

  it.each(['[1, 2]', 'just text', '42'])('a file that holds %s and no object', async (text) => {
    const file = join(await tempFolder({ 'a.yaml': text }), 'a.yaml');
    await expect(readConfigFile(file)).rejects.toThrow('must hold an object');
  });

  it("a file that isn't there", async () => {
    const cwd = await tempFolder();
    await expect(loadConfig({ cwd, file: 'gone.yaml', env: {} })).rejects.toThrow(
      `${join(cwd, 'gone.yaml')} can't be read`,
    );
  });

  it('a kind of file that is not known', async () => {
    await expect(loadConfig({ file: 'rollcall.toml', env: {} })).rejects.toThrow(
      'use one of .yaml, .yml, .json',
    );
  });
});
