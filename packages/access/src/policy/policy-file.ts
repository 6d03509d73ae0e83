import { type FSWatcher, watch } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { type Clock, parseDocument, RegistryError, toRegistryError } from '@rollcall/core';
import { readText } from '../authentication/key-sources.ts';
import { type PolicyDocument, policySchema } from './schema.ts';

/** How often the file is looked at, whether the file system tells of changes or not. Milliseconds. */
const LOOK_MS = 1_000;

/** A file that changed counts when it has stayed the same for this long: whoever writes in place writes in pieces. Milliseconds. */
const SETTLE_MS = 200;

/**
 * Reads and checks a policy file.
 *
 * @throws {RegistryError} `INVALID_CONFIG` that names every problem with line, key and remedy.
 */
export async function readPolicy(file: string): Promise<PolicyDocument> {
  const path = resolve(file);
  return parsePolicy(path, await readPolicyText(path));
}

async function readPolicyText(path: string): Promise<string> {
  try {
    return await readText(path);
  } catch (cause) {
    const why =
      cause instanceof RegistryError
        ? cause.message
        : "can't be read: is the path right, and may this process read it?";
    throw new RegistryError('INVALID_CONFIG', `Invalid policy: ${path} ${why}`, { cause });
  }
}

function parsePolicy(path: string, text: string): PolicyDocument {
  const refuse = (what: string) => new RegistryError('INVALID_CONFIG', `Invalid policy: ${path} ${what}`);
  if (!/^\.(?:ya?ml|json)$/.test(extname(path)))
    throw refuse('is not of a known kind: use .yaml, .yml or .json');
  if (text.trim() === '') throw refuse('is empty: a policy has roles at least');
  // Half of a YAML file is YAML too, with fewer rules. JSON tells by itself.
  if (extname(path) !== '.json' && !text.endsWith('\n'))
    throw refuse('does not end with a line break: is it whole? Then end it with one');
  return parseDocument(path, text, { schema: policySchema, what: 'policy' });
}

export interface FollowOptions {
  readonly clock: Clock;
  /** Has the new policy; what it rejects with is told as a problem of the file. */
  readonly onPolicy: (document: PolicyDocument) => Promise<void>;
  /** Is told once of each text that is refused. */
  readonly onProblem: (error: RegistryError) => void;
}

/**
 * A policy file that is followed while it changes: written in place, moved into place, or behind links that are exchanged, as
 * Kubernetes does. What isn't a whole and good policy is told and passed over.
 */
export class PolicyFile {
  readonly path: string;
  readonly #options: FollowOptions;
  #text: string;
  #watcher: FSWatcher | undefined;
  #cancel: (() => void) | undefined;
  #isClosed = false;
  #isLooking = false;
  /** A text that was seen once and is to be seen again. */
  #seen: string | undefined;
  #lastProblem = '';

  /** Reads it, hands the policy on, and follows it. Rejects where the file is no good policy. */
  static async follow(file: string, options: FollowOptions): Promise<PolicyFile> {
    const path = resolve(file);
    const text = await readPolicyText(path);
    await options.onPolicy(parsePolicy(path, text));
    return new PolicyFile(path, text, options);
  }

  private constructor(path: string, text: string, options: FollowOptions) {
    this.path = path;
    this.#text = text;
    this.#options = options;
    this.#watch();
    this.#lookIn(LOOK_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    this.#cancel?.();
  }

  /** The folder, not the file: a file that is moved into place is another one. It only makes a look come sooner. */
  #watch(): void {
    try {
      const watcher = watch(dirname(this.path), { persistent: false }, () => {
        if (!this.#isLooking && this.#seen === undefined) this.#lookIn(SETTLE_MS);
      });
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // The machine's limit of watches is reached, or the file system has none: the looks are enough.
    }
  }

  #lookIn(ms: number): void {
    this.#cancel?.();
    if (!this.#isClosed) this.#cancel = this.#options.clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      const text = await readPolicyText(this.path);
      if (text === this.#text) this.#seen = undefined;
      else if (text === this.#seen) await this.#take(text);
      else this.#seen = text;
    } catch (error) {
      this.#tell(error);
    } finally {
      this.#isLooking = false;
      this.#lookIn(this.#seen === undefined ? LOOK_MS : SETTLE_MS);
    }
  }

  async #take(text: string): Promise<void> {
    this.#seen = undefined;
    // Also when it is refused: it is told once.
    this.#text = text;
    await this.#options.onPolicy(parsePolicy(this.path, text));
    this.#lastProblem = '';
  }

  #tell(error: unknown): void {
    const problem = toRegistryError(error, 'read the policy');
    if (this.#isClosed || problem.message === this.#lastProblem) return;
    this.#lastProblem = problem.message;
    this.#options.onProblem(problem);
  }
}
