import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../src/completion-scripts.ts';
import { COMMANDS } from '../src/commands.ts';

describe('the completion', () => {
  it.each(SHELLS)('for %s knows every command and option', (shell) => {
    const script = completionScript(shell, COMMANDS);
    for (const { name, options } of COMMANDS) {
      expect(script).toContain(name);
      for (const option of Object.keys(options)) expect(script).toContain(option);
    }
  });

  it('completes in bash', () => {
    const complete = (...words: readonly string[]): readonly string[] => {
      const given = words.map((word) => `'${word}'`).join(' ');
      const program = `${completionScript('bash', COMMANDS)}
COMP_WORDS=(${given}); COMP_CWORD=${words.length - 1}; _rollcall; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8' });
      expect(stderr).toBe('');
      return stdout.trim().split('\n');
    };
    expect(complete('rollcall', 'd')).toEqual(['deregister', 'doctor', 'dump']);
    expect(complete('rollcall', 'register', 'users', '--po')).toEqual(['--port']);
    expect(complete('rollcall', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });
});
