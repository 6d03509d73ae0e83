import type { StandardSchemaV1 } from '@standard-schema/spec';
import type * as z from 'zod';
import { RegistryError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import { type JsonSchema, leafPaths, propertyNames } from './json-schema.ts';
import { describeValue, hideSecrets } from './secrets.ts';
import { formatPath, type Path, valueAt } from './tree.ts';

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** The key at fault; empty when it is the whole. */
  readonly path: Path;
  /** What is wrong and what to do, without the key: `must be a number, but it is "x"`. */
  readonly what: string;
  /** The file, variable or call that says so. */
  readonly source?: string | undefined;
}

export interface InvalidConfigOptions {
  readonly cause?: unknown;
  /** What else is odd, and may be the reason. */
  readonly notes?: readonly string[];
}

/** The error that lists every problem. Its `field` is the first key at fault. */
export function invalidConfig(
  problems: readonly Problem[],
  { cause, notes = [] }: InvalidConfigOptions = {},
): RegistryError {
  const lines = problems.map(problemText);
  const list =
    lines.length === 1
      ? `Invalid configuration: ${lines[0]}`
      : `Invalid configuration, ${lines.length} problems:\n${lines.map((line) => `  - ${line}`).join('\n')}`;
  const message = [list, ...notes.map((note) => `  Note: ${note}`)].join('\n');
  const field = formatPath(problems.find(({ path }) => path.length > 0)?.path ?? []);
  return new RegistryError('INVALID_CONFIG', message, {
    ...(field !== '' && { field }),
    ...(cause !== undefined && { cause }),
  });
}

function problemText({ path, what, source }: Problem): string {
  const key = formatPath(path);
  if (key === '') return source === undefined ? what : `${source}: ${what}`;
  return source === undefined ? `${key} ${what}` : `${key} ${what} (in ${source})`;
}

export interface IssueContext {
  /** The value that was validated. */
  readonly value: unknown;
  /** Where that value stands in the configuration. */
  readonly at: Path;
  /** Its schema, for suggestions. */
  readonly schema?: JsonSchema | undefined;
}

/**
 * Says a validator's issues in our words, which name no value of a secret key. Zod's are known in detail; those of
 * other Standard Schema libraries are taken as they are, without the secrets. A key is told its first problem only:
 * a port that is out of range also fails whatever is checked of ports later.
 */
export function problemsOf(issues: readonly StandardSchemaV1.Issue[], context: IssueContext): Problem[] {
  const seen = new Set<string>();
  return issues
    .flatMap((issue) => problemsOfIssue(issue, [], context))
    .filter(({ path }) => {
      const key = formatPath(path);
      const isFirst = !seen.has(key);
      seen.add(key);
      return isFirst;
    });
}

function problemsOfIssue(issue: StandardSchemaV1.Issue, prefix: Path, context: IssueContext): Problem[] {
  const path = [...prefix, ...(issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))];
  if (!isZodIssue(issue)) return [problemAt(path, hideSecrets(issue.message, context.value), context)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => problemAt([...path, key], unknownKey(path, key, context), context));
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue.errors);
    if (branch) return branch.flatMap((inner) => problemsOfIssue(inner, path, context));
  }
  return [
    problemAt(path, zodText(issue, [...context.at, ...path], valueAt(context.value, path), context), context),
  ];
}

function problemAt(path: Path, what: string, context: IssueContext): Problem {
  return { path: [...context.at, ...path], what };
}

/** Zod hands its own issues out through Standard Schema; they are told by their `code`, which the standard lacks. */
function isZodIssue(issue: StandardSchemaV1.Issue): issue is z.core.$ZodIssue {
  return 'code' in issue && typeof issue.code === 'string';
}

/** Of a union's branches, the one that fails inside the value, not already at the value's type. */
function likeliestBranch(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
}

function unknownKey(path: Path, key: string, { schema, at }: IssueContext): string {
  if (schema === undefined) return 'is not a known key: remove it';
  const siblings = propertyNames(schema, path);
  const near = didYouMean(key, siblings);
  if (near !== undefined) return `is not a known key: did you mean ${formatPath([...at, ...path, near])}?`;
  const elsewhere = leafPaths(schema).find((leaf) => leaf.at(-1) === key);
  if (elsewhere) return `is not a known key here: did you mean ${formatPath([...at, ...elsewhere])}?`;
  return `is not a known key: remove it, or use one of ${siblings.join(', ')}`;
}

function zodText(issue: z.core.$ZodIssue, path: Path, value: unknown, context: IssueContext): string {
  const but = value === undefined ? '' : `, but it is ${describeValue(path, value)}`;
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- an adapter's own Zod may know further codes
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return `is missing: set it to ${typeWords(issue.expected, path)}`;
      return `must be ${typeWords(issue.expected, path)}${but}`;
    case 'invalid_value': {
      const known = issue.values.map(String);
      const near = typeof value === 'string' ? didYouMean(value, known) : undefined;
      const choice = known.length === 1 ? known[0] : `one of ${known.join(', ')}`;
      return `must be ${choice}${but}${near === undefined ? '' : `: did you mean ${near}?`}`;
    }
    case 'invalid_union':
      return `must be ${unionWords(issue.errors, path)}${but}`;
    case 'too_small':
    case 'too_big':
      return `${limitWords(issue)}${but}`;
    case 'custom':
      return hideSecrets(issue.message, context.value);
    default:
      return `is refused: ${hideSecrets(issue.message, context.value)}${but}`;
  }
}

function unionWords(branches: readonly z.core.$ZodIssue[][], path: Path): string {
  const words = branches.flatMap(([issue]) => {
    if (issue?.code === 'invalid_type') return [typeWords(issue.expected, path)];
    if (issue?.code === 'invalid_value') return [issue.values.map(String).join(' or ')];
    return [];
  });
  return words.length === 0 ? 'of another form' : words.join(' or ');
}

function limitWords(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const small = issue.code === 'too_small';
  const limit = small ? issue.minimum : issue.maximum;
  const inclusive = issue.inclusive !== false;
  if (issue.origin === 'string') {
    if (small && limit === 1) return 'must not be empty';
    return `must have ${small ? 'at least' : 'at most'} ${limit} characters`;
  }
  if (issue.origin === 'array' || issue.origin === 'set') {
    return `must have ${small ? 'at least' : 'at most'} ${limit} items`;
  }
  if (small) return `must be ${inclusive ? 'at least' : 'more than'} ${limit}`;
  return `must be ${inclusive ? 'at most' : 'less than'} ${limit}`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The type that a key takes, by Zod's or JSON Schema's name, in words: its unit too, as the key's name tells it. */
export function typeWords(type: string, path: Path): string {
  const words = TYPE_WORDS[type] ?? `a ${type}`;
  return /number|int/.test(type) && String(path.at(-1)).endsWith('Ms') ? `${words} of milliseconds` : words;
}
