import { KNOWN_TYPES } from './adapter-types.ts';
import { didYouMean } from './did-you-mean.ts';
import { type JsonSchema, type Leaf, leaves, objectForms } from './json-schema.ts';
import { type Problem, typeWords } from './problems.ts';
import { describeValue } from './secrets.ts';
import { formatPath, isPlainObject, merge, withValueAt } from './tree.ts';

/** Where a configuration file is, when it isn't searched for. */
export const CONFIG_FILE_VARIABLE = 'ROLLCALL_CONFIG';

const PREFIX = 'ROLLCALL_';

/** How variables of Rollcall's own tools and tests start (`ROLLCALL_ETCD_…` finds a server); they are no configuration. */
const TOOL_PREFIXES = ['CACHE', 'TEST_', ...KNOWN_TYPES.map((type) => `${type.toUpperCase()}_`)].map(
  (start) => `${PREFIX}${start}`,
);

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says of the configuration. */
export interface EnvironmentConfig {
  readonly value: Record<string, unknown>;
  /** Which variable set which key. */
  readonly variables: readonly { readonly name: string; readonly path: readonly string[] }[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The variable of a key: `registry.requestTimeoutMs` is `ROLLCALL_REGISTRY_REQUEST_TIMEOUT_MS`. */
export function variableName(path: readonly string[]): string {
  return (
    PREFIX +
    path
      .map((key) =>
        key
          .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
          .replaceAll(/\W/g, '_')
          .toUpperCase(),
      )
      .join('_')
  );
}

/** Every variable that a configuration of this schema has, by name. */
export function variableTable(schema: JsonSchema): ReadonlyMap<string, Leaf> {
  return new Map(leaves(schema).map((leaf) => [variableName(leaf.path), leaf]));
}

/**
 * Reads the variables of a configuration. Texts become what the schema wants: numbers, `true` and `false` (also `1`
 * and `0`), lists (separated by commas, or JSON), objects (JSON). An empty variable is as if it were not set.
 *
 * **A variable that no key has** is an error when it is surely meant for us: it starts as a section of the
 * configuration does (`ROLLCALL_DISCOVERY_…`), or is a slip of the finger away from a known one. Any other is only
 * warned of, because an environment is shared: a pod hands it to programs of other versions too, and a process
 * should not fail over a variable that isn't its own.
 *
 * **Kubernetes** sets `X_SERVICE_HOST`, `X_SERVICE_PORT` and `X_PORT=tcp://…` in every pod for each Service of the
 * namespace (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). A Service
 * named `rollcall` would so set `service.host` to its own address in everybody's configuration. Such groups are
 * told by their `X_PORT` and left out; a warning says so where they have the name of a key. A value that a person
 * put in their place counts.
 */
export function readEnvironment(env: Environment, schema: JsonSchema): EnvironmentConfig {
  const table = variableTable(schema);
  const links = serviceLinks(env);
  let value: unknown = {};
  const variables: { name: string; path: readonly string[] }[] = [];
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const [name, text] of ourVariables(env)) {
    const leaf = table.get(name);
    if (links.some((link) => isServiceLink(link, name, text))) {
      if (leaf)
        warnings.push(
          `${name} is left out: Kubernetes set it for a Service; set ${formatPath(leaf.path)} in the configuration file instead`,
        );
    } else if (leaf) {
      const result = coerce(text, leaf);
      variables.push({ name, path: leaf.path });
      if ('problem' in result) problems.push({ path: leaf.path, what: result.problem, source: name });
      else value = put(value, leaf.path, result.value);
    } else if (isSurelyOurs(name, table, schema)) {
      problems.push({ path: [], what: unknownVariable(name, table), source: 'environment' });
    } else {
      warnings.push(unknownVariable(name, table));
    }
  }
  return { value: isPlainObject(value) ? value : {}, variables, problems, warnings };
}

/** Shorter names first: `…_OPTIONS` gives an object that `…_OPTIONS_URL` then adds to. */
function ourVariables(env: Environment): [name: string, text: string][] {
  return Object.entries(env)
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '')
    .filter(([name]) => name.startsWith(PREFIX) && name !== CONFIG_FILE_VARIABLE)
    .filter(([name]) => !TOOL_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .toSorted(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
}

/** What Kubernetes set for one Service: the names it uses, and the two values that a person may have replaced. */
interface ServiceLink {
  readonly names: RegExp;
  readonly values: ReadonlyMap<string, string>;
}

function serviceLinks(env: Environment): ServiceLink[] {
  return Object.entries(env).flatMap(([name, text]) => {
    const service = /^(ROLLCALL(?:_\w+)?)_PORT$/.exec(name)?.[1];
    const address = /^(?:tcp|udp|sctp):\/\/\[?(.+?)\]?:(\d+)$/.exec(text ?? '');
    if (service === undefined || !address) return [];
    const [, host = '', port = ''] = address;
    return [
      {
        names: new RegExp(`^${service}_(?:SERVICE_HOST|SERVICE_PORT(?:_\\w+)?|PORT(?:_\\w+)?)$`),
        values: new Map([
          [`${service}_SERVICE_HOST`, host],
          [`${service}_SERVICE_PORT`, port],
        ]),
      },
    ];
  });
}

/** A pod's own `env` wins over what Kubernetes sets, so another value than the Service's is a person's. */
function isServiceLink({ names, values }: ServiceLink, name: string, text: string): boolean {
  return names.test(name) && (values.get(name) ?? text) === text;
}

function isSurelyOurs(name: string, table: ReadonlyMap<string, Leaf>, schema: JsonSchema): boolean {
  const sections = Object.keys(schema.properties ?? {}).map((key) => `${variableName([key])}_`);
  return (
    sections.some((section) => name.startsWith(section)) ||
    didYouMean(name.slice(PREFIX.length), shortNames(table)) !== undefined
  );
}

function unknownVariable(name: string, table: ReadonlyMap<string, Leaf>): string {
  const near = didYouMean(name.slice(PREFIX.length), shortNames(table));
  if (near !== undefined) return `${name} is not a known variable: did you mean ${PREFIX}${near}?`;
  const optionsVariable = variableName(['registry', 'options']);
  if (name.startsWith(`${optionsVariable}_`)) {
    return `${name} is not an option of the selected registry, as far as it tells: unset it, or set ${optionsVariable} to a JSON object`;
  }
  return `${name} is not a known variable: unset it`;
}

function shortNames(table: ReadonlyMap<string, Leaf>): string[] {
  return [...table.keys()].map((name) => name.slice(PREFIX.length));
}

function put(tree: unknown, path: readonly string[], value: unknown): unknown {
  return merge(tree, withValueAt({}, path, value));
}

type Coerced = { readonly value: unknown } | { readonly problem: string };

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

function coerce(text: string, { path, schema }: Leaf): Coerced {
  const forms = objectForms(schema);
  const takes = (type: string): boolean =>
    forms.some((form) => form.type === type || (Array.isArray(form.type) && form.type.includes(type)));
  const trimmed = text.trim();
  const boolean = BOOLEANS.get(trimmed.toLowerCase());
  if (boolean !== undefined && takes('boolean')) return { value: boolean };
  if ((takes('number') || takes('integer')) && isNumber(trimmed)) return { value: Number(trimmed) };
  const isOpen = forms.some(
    (form) => form.type === undefined && form['enum'] === undefined && form['const'] === undefined,
  );
  const json = /^[[{]/.test(trimmed) || isOpen ? parseJson(trimmed) : undefined;
  if (Array.isArray(json) && (takes('array') || isOpen)) return { value: json };
  if (isPlainObject(json) && (takes('object') || isOpen)) return { value: json };
  if (json !== undefined && isOpen) return { value: json };
  if (takes('array') && (!takes('string') || text.includes(',')) && !/^[[{]/.test(trimmed))
    return { value: splitList(text) };
  if (takes('string') || isOpen) return { value: text };
  const wanted = forms
    .map((form) => formWords(form, path))
    .filter((words, i, all) => all.indexOf(words) === i);
  return { problem: `must be ${wanted.join(' or ')}, but it is ${describeValue(path, text)}` };
}

/** Decimal, as JSON writes it: nobody means `0x10` or `Infinity`. */
function isNumber(text: string): boolean {
  return /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function formWords(form: JsonSchema, path: readonly string[]): string {
  if (form['const'] !== undefined) return JSON.stringify(form['const']);
  if (Array.isArray(form['enum'])) return `one of ${form['enum'].map(String).join(', ')}`;
  if (form.type === 'object') return 'a JSON object';
  if (form.type === 'array') return 'a list, separated by commas or as JSON';
  return typeof form.type === 'string' ? typeWords(form.type, path) : 'JSON';
}
