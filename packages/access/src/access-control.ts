import { dirname, resolve } from 'node:path';
import { checkDocument, type Clock, createController, RegistryError, systemClock } from '@rollcall/core';
import { AuthenticationError } from './authentication/authentication-error.ts';
import { Authenticator } from './authentication/authenticator.ts';
import type { AccessDecision, AccessRequest, Principal } from './contract.ts';
import { DecisionLog, type DecisionRecord } from './decision-log.ts';
import { CompiledPolicy, type Rights } from './policy/compiled-policy.ts';
import { PolicyFile } from './policy/policy-file.ts';
import { type PolicyDocument, type PolicyInput, policySchema } from './policy/schema.ts';

export interface AccessControlOptions {
  /** The policy file, YAML or JSON, followed while it changes. */
  readonly file?: string;
  /** A policy of code, in place of a file. Its own files are relative to the process's folder. */
  readonly policy?: PolicyInput;
  /** Is told of decisions, and of who wasn't let in. It must not throw. */
  readonly onDecision?: (record: DecisionRecord) => void;
  /** The most records a second that allow, and the most that refuse. Defaults to 100. */
  readonly decisionsPerSecond?: number;
  /** Is told when a new policy holds, and when one was refused so that the old one stays. */
  readonly onReload?: (outcome: ReloadOutcome) => void;
  /** Verified tokens that are kept until they expire. Defaults to 10 000. */
  readonly cachedTokens?: number;
  /** Defaults to the machine's clock. */
  readonly clock?: Clock;
}

export type ReloadOutcome =
  | { readonly ok: true; readonly policy: PolicyDocument }
  | { readonly ok: false; readonly error: RegistryError };

/** A policy by which everybody may do everything, without credentials. For a machine of one's own. */
export const OPEN_POLICY = {
  roles: { everybody: [{ verbs: ['*'], namespaces: ['*'] }] },
  anonymous: { roles: ['everybody'] },
} as const satisfies PolicyInput;

/** Who may do what: finds out who asks, and decides by the policy. */
export class AccessControl {
  readonly #clock: Clock;
  readonly #log: DecisionLog | undefined;
  readonly #options: AccessControlOptions;
  readonly #closing = createController();
  #folder = resolve('.');
  #state: State | undefined;
  #file: PolicyFile | undefined;

  /**
   * @throws {RegistryError} `INVALID_CONFIG` when the policy, or a file that it names, isn't good; `INVALID_ARGUMENT` without a policy.
   */
  static async open(options: AccessControlOptions): Promise<AccessControl> {
    const control = new AccessControl(options);
    try {
      await control.#open();
    } catch (error) {
      await control.close();
      throw error;
    }
    return control;
  }

  private constructor(options: AccessControlOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { onDecision, decisionsPerSecond = 100 } = options;
    if (onDecision) this.#log = new DecisionLog(onDecision, decisionsPerSecond, this.#clock);
  }

  /** The policy that holds now. */
  get policy(): PolicyDocument {
    return this.#now.compiled.document;
  }

  /**
   * Finds out who asks.
   *
   * @param authorization the value of the HTTP header of that name: `Bearer` and a token or an API key.
   * @throws {AuthenticationError} when these credentials let nobody in.
   * @throws {RegistryError} `UNAVAILABLE` when nobody knows now, because the keys of the token's issuer can't be read.
   */
  async authenticate(authorization: string | undefined, signal: AbortSignal): Promise<Principal> {
    try {
      return await this.#now.authenticator.authenticate(authorization, signal);
    } catch (error) {
      if (error instanceof AuthenticationError) this.#log?.refusal(error.reason, error.message);
      else if (error instanceof RegistryError) this.#log?.refusal('unavailable', error.message);
      throw error;
    }
  }

  /** Decides, and logs it. It goes by the policy of now, and by the roles that it gives this principal now. */
  decide(principal: Principal, request: AccessRequest): AccessDecision {
    const decision = this.check(principal, request);
    this.#log?.decision(principal, request, decision);
    return decision;
  }

  /** Decides without logging it: to find out what to show to somebody. */
  check(principal: Principal, request: AccessRequest): AccessDecision {
    const state = this.#now;
    const rights = state.rights.get(principal) ?? this.#findRights(state, principal);
    if (rights === undefined) return GONE;
    if (principal.expiresAt !== undefined && principal.expiresAt <= this.#clock.wallNow()) return EXPIRED;
    return state.compiled.decide(rights, request);
  }

  /**
   * A principal of this name, with the roles that the policy gives to it: for who was let in by other means, such as a client
   * certificate, and to find out what somebody may do.
   */
  principalOf(subject: string, home?: Principal['home']): Principal {
    return this.#now.authenticator.principalOf(subject, home);
  }

  /** The namespaces that the policy names, sorted. */
  namespaces(): readonly string[] {
    return this.#now.namespaces;
  }

  /** Ends the following of the file and of keys. */
  close(): Promise<void> {
    this.#closing.abort();
    this.#file?.close();
    this.#state?.authenticator.close();
    return Promise.resolve();
  }

  get #now(): State {
    if (!this.#state) throw new RegistryError('CLOSED', 'the access control is not open');
    return this.#state;
  }

  async #open(): Promise<void> {
    const { file, policy, onReload } = this.#options;
    if ((file === undefined) === (policy === undefined))
      throw new RegistryError('INVALID_ARGUMENT', 'give a policy: either file or policy', { field: 'file' });
    if (file === undefined) {
      await this.#take(checkDocument(policy, { schema: policySchema, what: 'policy' }));
      return;
    }
    this.#folder = dirname(resolve(file));
    this.#file = await PolicyFile.follow(file, {
      clock: this.#clock,
      onPolicy: async (document) => {
        const isFirst = this.#state === undefined;
        await this.#take(document);
        if (!isFirst) onReload?.({ ok: true, policy: document });
      },
      onProblem: (error) => onReload?.({ ok: false, error }),
    });
  }

  async #take(document: PolicyDocument): Promise<void> {
    const compiled = new CompiledPolicy(document);
    const authenticator = await Authenticator.open(compiled, {
      clock: this.#clock,
      path: (file) => resolve(this.#folder, file),
      cachedTokens: this.#options.cachedTokens ?? 10_000,
      signal: this.#closing.signal,
      before: this.#state?.authenticator,
    });
    this.#state = { compiled, authenticator, rights: new WeakMap(), namespaces: compiled.namespaces() };
  }

  /** Once for each principal and policy. */
  #findRights({ compiled, authenticator, rights }: State, principal: Principal): Rights | undefined {
    const roles = authenticator.rolesNow(principal);
    const found = roles && compiled.rightsOf(principal.subject, roles, principal.home);
    if (found) rights.set(principal, found);
    return found;
  }
}

interface State {
  readonly compiled: CompiledPolicy;
  readonly authenticator: Authenticator;
  readonly rights: WeakMap<Principal, Rights>;
  readonly namespaces: readonly string[];
}

const EXPIRED: AccessDecision = Object.freeze({
  allowed: false,
  why: 'the credentials have expired: authenticate again',
});

const GONE: AccessDecision = Object.freeze({
  allowed: false,
  why: 'the policy no longer has the key or the issuer of these credentials: authenticate again',
});
