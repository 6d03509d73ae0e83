import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../src/completion-scripts.ts';
import { COMMANDS } from '../src/commands.ts';
import { Program } from './support/program.ts';

const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** Why a shell can't be asked, where it isn't there. */
const install = (shell: string): string => `${shell} is not installed here: apt-get install ${shell}`;

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'rollcall-completion-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs a program of a shell, in a home of its own, and gives the lines that it writes. */
const linesOf = (shell: string, args: readonly string[]): readonly string[] => {
  const env = { PATH: process.env['PATH'], HOME: home, TERM: 'xterm' };
  const { stdout, stderr, error } = spawnSync(shell, args, { encoding: 'utf8', env, timeout: 30_000 });
  expect([stderr, error]).toEqual(['', undefined]);
  return stdout
    .replaceAll('\r', '')
    .split('\n')
    .filter((line) => line !== '');
};

describe('the completion', () => {
  it.each(SHELLS)('for %s knows every command and option', (shell) => {
    const script = completionScript(shell, COMMANDS);
    for (const { name, options } of COMMANDS) {
      expect(script).toContain(name);
      for (const option of Object.keys(options)) expect(script).toContain(option);
    }
  });
});

describe('the completion in bash', () => {
  const complete = (...words: readonly string[]): readonly string[] => {
    const given = words.map((word) => `'${word}'`).join(' ');
    const program = `${completionScript('bash', COMMANDS)}
COMP_WORDS=(${given}); COMP_CWORD=${words.length - 1}; _rollcall; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return linesOf('bash', ['--norc', '-c', program]);
  };

  it('offers commands, options of the command, and the words that are known', () => {
    expect(complete('rollcall', 'd')).toEqual(['deregister', 'drain', 'doctor', 'dump']);
    expect(complete('rollcall', 'register', 'users', '--po')).toEqual(['--port']);
    expect(complete('rollcall', 'drain', 'users', '--a')).toEqual(['--all']);
    expect(complete('rollcall', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });
});

describe('the completion in zsh', () => {
  it('offers commands, options of the command, and the words that are known', async ({ skip }) => {
    skip(!isThere('zsh'), install('zsh'));
    writeFileSync(join(home, 'rollcall.zsh'), completionScript('zsh', COMMANDS));
    const zsh = new Program([], {
      cwd: home,
      env: { HOME: home },
      atTerminal: true,
      command: ['zsh', '-f', '-i'],
    });
    try {
      // As the script says: after compinit. Its echo on the terminal isn't what it prints.
      zsh.type(
        `PS1='%% '; autoload -Uz compinit; compinit -u -d $HOME/.zcompdump; LISTMAX=0; print REA''DY\n`,
      );
      await zsh.shows(/READY/);
      zsh.type(`eval "$(< $HOME/rollcall.zsh)"; print LOA''DED\n`);
      await zsh.shows(/LOADED/);
      zsh.type('rollcall d\t');
      await zsh.shows(/deregister +-- Removes an instance.*drain +-- Takes an instance/s);
      expect(zsh.stdout).not.toContain('services');
      zsh.type('\u{15}rollcall drain users --a\t');
      await zsh.shows(/rollcall drain users --all/);
      zsh.type('\u{15}rollcall completion f\t');
      await zsh.shows(/rollcall completion fish/);
    } finally {
      zsh.end();
      await zsh.ended;
    }
  });
});

describe('the completion in fish', () => {
  const complete = (typed: string): readonly string[] => {
    const program = `${completionScript('fish', COMMANDS)}\ncomplete -C ${JSON.stringify(typed)}`;
    return linesOf('fish', ['--no-config', '-c', program]).map((line) => line.split('\t')[0] ?? '');
  };

  it('offers commands, options of the command, and the words that are known', ({ skip }) => {
    skip(!isThere('fish'), install('fish'));
    expect(complete('rollcall d').toSorted()).toEqual(['deregister', 'doctor', 'drain', 'dump']);
    expect(complete('rollcall register users --po')).toEqual(['--port']);
    expect(complete('rollcall drain users --a')).toEqual(['--all']);
    expect(complete('rollcall completion ')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });
});
