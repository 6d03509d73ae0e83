import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { checkDocument, parseDocument } from '../../src/config/document.ts';

const schema = z.strictObject({
  roles: z.record(z.string(), z.array(z.strictObject({ verbs: z.array(z.enum(['list', 'watch'])) }))),
  level: z.int().default(3),
});
const options = { schema, what: 'policy' };

describe('a document', () => {
  it('is read with its defaults, and frozen', () => {
    const read = parseDocument('/x/policy.yaml', 'roles: { a: [{ verbs: [list] }] }', options);
    expect(read).toEqual({ roles: { a: [{ verbs: ['list'] }] }, level: 3 });
    expect(Object.isFrozen(read.roles['a']?.[0])).toBe(true);
    expect(checkDocument({ roles: {} }, options)).toEqual({ roles: {}, level: 3 });
  });

  it('tells what is wrong where, by its own name, also under keys that are names', () => {
    const text = 'roles:\n  a:\n    - verb: [list]\nlevel: x\n';
    expect(() => parseDocument('/x/policy.yaml', text, options)).toThrow(
      [
        'Invalid policy, 3 problems:',
        '  - roles.a[0].verbs is missing: set it to a list (in /x/policy.yaml:3:7)',
        '  - roles.a[0].verb is not a known key: did you mean roles.a[0].verbs? (in /x/policy.yaml:3:7)',
        '  - level must be a number, but it is "x" (in /x/policy.yaml:4:1)',
      ].join('\n'),
    );
    expect(() => checkDocument({ rolls: {} }, options)).toThrow(/^Invalid policy, 2 problems/);
  });

  it('is refused where it holds itself, or a name that would be a prototype', () => {
    expect(() => parseDocument('p.yaml', 'roles: &a { b: *a }\n', options)).toThrow(/holds itself/);
    expect(() => parseDocument('p.json', '{"roles":{"__proto__":[]}}', options)).toThrow(
      'Invalid policy: roles.__proto__ is not a name that can be used: take another (in p.json:1:11)',
    );
  });
});
