import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { type PeerProgram, preparePeer } from './peer-programs.ts';

/** A program that uses another framework's own library on a real registry. `Seen`: an instance as that library shows it. */
export interface Peer<Given, Seen> {
  register(instance: Given): Promise<void>;
  /** Changes what is registered, in the framework's own way, where it has one. */
  update(change: unknown): Promise<void>;
  deregister(instance: Given): Promise<void>;
  list(service: string): Promise<readonly Seen[]>;
  /** Every list that the library's own watch told, in order. It grows as long as the peer runs. */
  watch(service: string): Promise<readonly (readonly Seen[])[]>;
  /** Ends the process at once, as a crash would. Can be called twice. */
  stop(): Promise<void>;
}

/** The JVM with Spring takes its time on two cores. */
const START_MS = 60_000;
/** A Spring application starts within it. */
const ANSWER_MS = 45_000;
const KEPT_OF_STDERR = 4_000;

/**
 * Starts a peer. It ends with this process: its standard input closes then.
 *
 * @throws {Error} with the end of its stderr when it doesn't start.
 */
export async function startPeer<Given, Seen>(
  program: PeerProgram,
  args: readonly string[],
): Promise<Peer<Given, Seen>> {
  const path = await preparePeer(program);
  const talk = new Conversation(program.type, spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] }));
  await talk.ready;
  return {
    register: async (instance) => void (await talk.ask({ do: 'register', instance })),
    update: async (instance) => void (await talk.ask({ do: 'update', instance })),
    deregister: async (instance) => void (await talk.ask({ do: 'deregister', instance })),
    list: async (service) => ((await talk.ask({ do: 'list', service })) ?? []) as readonly Seen[],
    async watch(service) {
      const told: (readonly Seen[])[] = [];
      await talk.ask({ do: 'watch', service }, (instances) =>
        told.push((instances ?? []) as readonly Seen[]),
      );
      return told;
    },
    stop: () => talk.end(),
  };
}

interface Request {
  readonly do: string;
  readonly service?: string;
  readonly instance?: unknown;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Requests and answers as lines of JSON over a process's standard streams. */
class Conversation {
  /** Resolves when the peer said that it takes requests. */
  readonly ready: Promise<void>;
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watches = new Map<number, (instances: unknown) => void>();
  readonly #closed: Promise<unknown>;
  #lastId = 0;
  #stderr = '';
  #isEnded = false;

  constructor(name: string, child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#name = name;
    this.#child = child;
    child.stdin.on('error', () => undefined); // its exit says enough
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OF_STDERR);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    this.#closed = once(child, 'close').catch(() => undefined);
    child.once('error', (error) => this.#fail(error.message));
    child.once('close', (code, signal) => this.#fail(`it ended (${signal ?? code})`));
    this.ready = this.#wait(0, 'start', START_MS).then(() => undefined);
  }

  ask(request: Request, onList?: (instances: unknown) => void): Promise<unknown> {
    const id = ++this.#lastId;
    if (onList) this.#watches.set(id, onList);
    const answer = this.#wait(id, request.do, ANSWER_MS);
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    return answer;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #wait(id: number, what: string, withinMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#waiting.delete(id);
        reject(this.#error(`${what}: no answer within ${withinMs} ms`));
      }, withinMs);
      this.#waiting.set(id, {
        resolve(result) {
          clearTimeout(deadline);
          resolve(result);
        },
        reject(error) {
          clearTimeout(deadline);
          reject(error);
        },
      });
    });
  }

  #read(line: string): void {
    const message = JSON.parse(line) as {
      id?: number;
      ready?: boolean;
      result?: unknown;
      error?: string;
      watch?: number;
      instances?: unknown;
    };
    if (message.watch !== undefined) {
      this.#watches.get(message.watch)?.(message.instances);
      return;
    }
    const id = message.ready ? 0 : (message.id ?? -1);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(this.#error(message.error));
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.values()) {
      reject(this.#error(this.#isEnded ? 'it was stopped' : why));
    }
    this.#waiting.clear();
  }

  #error(what: string): Error {
    return new Error(`${this.#name}: ${what}\n${this.#stderr}`.trim());
  }
}
