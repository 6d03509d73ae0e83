import * as z from 'zod';
import type { DeepReadonly } from './deep-readonly.ts';
import { RegistryError } from './errors.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';
import { checkName } from './names.ts';

/** Who may look into a namespace from another one. */
export const NAMESPACE_MODES = ['strict', 'limited', 'open'] as const;

/**
 * - `strict`: nobody, whatever the allow list says.
 * - `limited`: whom the allow list names. The mode of every namespace that says no other.
 * - `open`: everybody.
 */
export type NamespaceMode = (typeof NAMESPACE_MODES)[number];

const side = (says: string) =>
  z
    .string()
    .superRefine((value, context) => {
      const problem = sideProblem(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(says);

const namespaces = z
  .record(
    z.string(),
    z.strictObject({
      mode: z
        .enum(NAMESPACE_MODES)
        .default('limited')
        .describe(
          'Who may look into it from another namespace. strict: nobody. limited: whom the allow list names. open: everybody. Defaults to limited.',
        ),
    }),
  )
  .default({})
  .describe('Who may look into a namespace, by its name: { payments: { mode: strict } }.');

const allow = z
  .array(
    z.strictObject({
      from: side('Who may look: a namespace, or namespace/service. * stands for any.'),
      to: side('What they may look up: a namespace, or namespace/service. * stands for any.'),
      metadata: z
        .record(z.string(), z.string())
        .exactOptional()
        .describe('Only instances with all of this metadata.'),
    }),
  )
  .default([])
  .describe(
    'Who may look from one namespace into another: [{ from: orders, to: payments/ledger }]. What no rule allows is denied.',
  );

/** The rules between namespaces, as a Zod schema: the section `access` of the configuration. */
export const namespaceRulesSchema = z
  .strictObject({ namespaces, allow })
  .prefault({})
  .describe('What may be looked up in other namespaces than registry.namespace. Nothing, without it.');

/** The rules between namespaces, as they are written. */
export type NamespaceRules = DeepReadonly<NonNullable<z.input<typeof namespaceRulesSchema>>>;

/** Who looks: a namespace, and the service in it where that is known. */
export interface Viewpoint {
  readonly namespace: string;
  readonly service?: string | undefined;
}

/** Whether one may look from a namespace into another, and why. */
export type Crossing =
  | {
      readonly allowed: true;
      readonly why: string;
      /** Where only some instances may be seen: whether this one is among them. */
      readonly only?: (instance: ServiceInstance) => boolean;
    }
  | { readonly allowed: false; readonly why: string };

interface Rule {
  /** As it is written, for `why`. */
  readonly text: string;
  readonly from: Side;
  readonly to: Side;
  readonly metadata: readonly (readonly [string, string])[];
}

/** `undefined` is any. */
interface Side {
  readonly namespace: string | undefined;
  readonly service: string | undefined;
}

/**
 * Decides what may be seen of other namespaces. Within a namespace everything may; between two, nothing that no rule
 * allows. It is about looking up: who may *list* an instance in a namespace is a matter of credentials.
 *
 * ```ts
 * const policy = new NamespacePolicy({ allow: [{ from: 'orders', to: 'payments/ledger' }] });
 * policy.decide({ namespace: 'orders' }, { namespace: 'payments', service: 'ledger' }).allowed; // true
 * ```
 */
export class NamespacePolicy {
  readonly #modes: ReadonlyMap<string, NamespaceMode>;
  readonly #rules: readonly Rule[];

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the rule at fault. */
  constructor(rules: NamespaceRules = {}) {
    const parsed = namespaceRulesSchema.safeParse(rules);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const field = issue?.path.join('.') ?? '';
      throw new RegistryError('INVALID_ARGUMENT', `${field} ${issue?.message ?? 'is wrong'}`, { field });
    }
    const { namespaces: modes, allow: rows } = parsed.data;
    // A map: a namespace may be called `constructor`.
    this.#modes = new Map(Object.entries(modes).map(([name, { mode }]) => [name, mode]));
    this.#rules = rows.map(({ from, to, metadata = {} }, index) => ({
      text: `allow[${index}] (${from} → ${to})`,
      from: parseSide(from),
      to: parseSide(to),
      metadata: Object.entries(metadata),
    }));
  }

  /** The mode of a namespace. */
  mode(namespace: string): NamespaceMode {
    return this.#modes.get(namespace) ?? 'limited';
  }

  /** The namespaces that the rules name, in no order. */
  get namespaces(): readonly string[] {
    const named = this.#rules.flatMap(({ from, to }) => [from.namespace, to.namespace]);
    return [...new Set([...this.#modes.keys(), ...named.filter((name) => name !== undefined)])];
  }

  /**
   * Whether `from` may look up `to`. Where `to` names no service: whether there may be one in that namespace that it
   * may look up.
   */
  decide(from: Viewpoint, to: { readonly namespace: string; readonly service?: string }): Crossing {
    if (from.namespace === to.namespace) return SAME;
    const mode = this.mode(to.namespace);
    if (mode === 'open') return { allowed: true, why: `the namespace ${to.namespace} is open` };
    if (mode === 'strict') {
      const why = `the namespace ${to.namespace} is strict: nobody looks into it from another one`;
      return { allowed: false, why };
    }
    const rules = this.#rules.filter((rule) => applies(rule, from, to));
    const whole = rules.find(({ metadata }) => metadata.length === 0);
    if (whole) return { allowed: true, why: whole.text };
    const [first] = rules;
    if (!first) return { allowed: false, why: denial(from, to) };
    return {
      allowed: true,
      why: rules.map(({ text }) => text).join(', '),
      only: ({ metadata = {} }) => rules.some((rule) => matches(rule, metadata)),
    };
  }
}

const SAME: Crossing = Object.freeze({ allowed: true, why: 'the same namespace' });

/**
 * The error of a lookup that the rules deny: what was denied, and the rule that would allow it.
 *
 * @returns {RegistryError} `PERMISSION_DENIED`
 */
export function crossingDenied(to: ServiceKey | { readonly namespace: string }, why: string): RegistryError {
  const what = 'service' in to ? `${to.namespace}/${to.service}` : `the services of ${to.namespace}`;
  return new RegistryError('PERMISSION_DENIED', `${what} can't be looked up from here: ${why}`, {
    field: 'namespace',
  });
}

function applies(
  { from, to }: Rule,
  viewer: Viewpoint,
  seen: { readonly namespace: string; readonly service?: string },
): boolean {
  return (
    (from.namespace ?? viewer.namespace) === viewer.namespace &&
    (from.service === undefined || from.service === viewer.service) &&
    (to.namespace ?? seen.namespace) === seen.namespace &&
    (to.service === undefined || seen.service === undefined || to.service === seen.service)
  );
}

function matches({ metadata }: Rule, has: Readonly<Record<string, string>>): boolean {
  return metadata.every(([key, value]) => Object.hasOwn(has, key) && has[key] === value);
}

function denial(
  from: Viewpoint,
  to: { readonly namespace: string; readonly service?: string | undefined },
): string {
  const rule = `{ from: ${writtenSide(from)}, to: ${writtenSide(to)} }`;
  return `no rule lets ${writtenSide(from)} look into the namespace ${to.namespace}. A rule in access.allow would: ${rule}`;
}

function writtenSide({ namespace, service }: Viewpoint): string {
  const name = encodeURIComponent(namespace);
  return service === undefined ? name : `${name}/${encodeURIComponent(service)}`;
}

/** `namespace`, or `namespace/service`; `*` is any. Percent-encoding lets a name hold what has a meaning here. */
function parseSide(text: string): Side {
  const slash = text.indexOf('/');
  const [namespace, service] = slash === -1 ? [text, '*'] : [text.slice(0, slash), text.slice(slash + 1)];
  return { namespace: parsePart(namespace), service: parsePart(service) };
}

function parsePart(part: string): string | undefined {
  return part === '*' ? undefined : decodeURIComponent(part);
}

function sideProblem(text: string): string | undefined {
  if (text.split('/').length > 2) return 'has more than one /: write namespace, or namespace/service';
  try {
    const { namespace, service } = parseSide(text);
    if (namespace !== undefined) checkName('the namespace', namespace);
    if (service !== undefined) checkName('the service', service);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return `can't be used: ${error.message}`;
    return 'has a % that begins no percent-encoding: write %25 for it';
  }
}
