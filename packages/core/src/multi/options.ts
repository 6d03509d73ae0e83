import { z } from 'zod';

const source = z.strictObject({
  type: z.string().min(1).describe('Its registry, as registry.type has it.'),
  name: z.string().min(1).describe('What messages call it. Defaults to the type.').optional(),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('What that registry needs, as in registry.options.'),
  use: z
    .enum(['both', 'read', 'write'])
    .default('both')
    .describe('Whether instances are listed in it, looked for in it, or both.'),
});

/** Checks `registry.options` of `registry.type: multi`. */
export const multiOptions = z
  .strictObject({
    sources: z.array(source).min(1).describe('The registries, in the order in which they are preferred.'),
    read: z
      .enum(['merged', 'first'])
      .default('merged')
      .describe(
        'merged: what any of them lists, without doubles. first: what the first lists that is reachable and has the service.',
      ),
  })
  .transform(({ sources, read }) => ({
    read,
    sources: sources.map((each) => ({ ...each, name: each.name ?? each.type })),
  }))
  .superRefine(({ sources }, issues) => {
    const names = sources.map(({ name }) => name);
    for (const [i, { name, type }] of sources.entries()) {
      if (names.indexOf(name) < i) {
        const message = `is ${name}, as another source is: give each a name of its own`;
        issues.addIssue({ code: 'custom', path: ['sources', i, 'name'], message });
      }
      if (type === 'multi') {
        const message = 'is multi: give all sources in one list instead';
        issues.addIssue({ code: 'custom', path: ['sources', i, 'type'], message });
      }
    }
    for (const use of ['read', 'write']) {
      if (sources.some((each) => each.use === use || each.use === 'both')) continue;
      const message = `have none to ${use}: give one of them use: both or ${use}`;
      issues.addIssue({ code: 'custom', path: ['sources'], message });
    }
  });

/** The options of `registry.type: multi`, as a user gives them. */
export type MultiOptions = z.input<typeof multiOptions>;

/** The options of `registry.type: multi`, checked and complete. */
export type ResolvedMultiOptions = z.output<typeof multiOptions>;
