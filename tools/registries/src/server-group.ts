import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RegistryNode, RestartOptions } from './contract.ts';
import { canListen, freePorts } from './free-ports.ts';
import { guard, PID_FILE } from './guardian.ts';
import { ServerProcess, tailOf } from './server-process.ts';
import { until } from './until.ts';

/** Where one server lives. It keeps its place over restarts. */
export interface Place {
  readonly name: string;
  readonly ports: readonly number[];
  readonly folder: string;
  readonly dataFolder: string;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a kind of server tells about itself, so that the group can run it. */
export interface GroupPlan {
  /** For folder names and messages: `etcd`. */
  readonly type: string;
  readonly nodes: number;
  readonly portsPerNode: number;
  /** The distances from each of these ports to further ones that a server takes by itself. */
  readonly portOffsets?: readonly number[];
  /** The first port of the first node. Free ones otherwise. */
  readonly port?: number | undefined;
  /** Leaves the servers running when this process ends. */
  readonly detached: boolean;
  /** Called once, when the folder is there and before the first start: certificates, for example. */
  setUp?(folder: string): Promise<void>;
  /** The command of one node. `joining`: it is a new, empty member of a group that runs. */
  command(place: Place, all: readonly Place[], joining: boolean): Command;
  endpoint(place: Place): string;
  /** One look, a second at most: does this very server serve? Another one may hold the port. */
  isReady(place: Place): Promise<boolean>;
  readonly readyWithinMs: number;
  /** Called when all serve and none has data yet: users and passwords, for example. */
  onEmpty?(all: readonly Place[]): Promise<void>;
  /** Takes a node out of the running group and announces an empty one in its place. */
  replaceMember?(place: Place, others: readonly Place[]): Promise<void>;
}

const START_TRIES = 5;
const BIND_FAILED = /address already in use|EADDRINUSE|BindException|Only one usage of each socket address/;

/** Some servers of one kind that were started together, their folder, and the watch that they end with us. */
export class ServerGroup {
  readonly nodes: readonly GroupNode[];
  readonly folder: string;
  readonly #plan: GroupPlan;
  readonly #unguard: () => Promise<void>;
  #stopped: Promise<void> | undefined;

  /** Starts all servers and resolves when all serve. When it rejects, nothing is left behind. */
  static async start(plan: GroupPlan): Promise<ServerGroup> {
    for (let attempt = 1; ; attempt++) {
      // oxlint-disable-next-line no-await-in-loop -- another try is for when a port was taken meanwhile
      const group = await ServerGroup.#create(plan);
      try {
        // oxlint-disable-next-line no-await-in-loop
        await group.#startAll();
        return group;
      } catch (error) {
        const portTaken = BIND_FAILED.test(group.#tails());
        // oxlint-disable-next-line no-await-in-loop
        await group.stop();
        if (!portTaken || plan.port !== undefined || attempt === START_TRIES) throw error;
      }
    }
  }

  static async #create(plan: GroupPlan): Promise<ServerGroup> {
    if (plan.port !== undefined && !(await canListen(plan.port))) {
      throw new Error(
        `${plan.type}: port ${plan.port} on 127.0.0.1 is in use; choose another, or stop what holds it`,
      );
    }
    const folder = await mkdtemp(join(tmpdir(), `rollcall-${plan.type}-`));
    const unguard = plan.detached ? () => Promise.resolve() : guard(folder);
    try {
      await plan.setUp?.(folder);
      const ports = await freePorts(plan.nodes * plan.portsPerNode, plan.portOffsets);
      if (plan.port !== undefined) ports[0] = plan.port;
      // A word of its own per group: a server of another group that took our port is not taken for ours.
      const mark = folder.slice(-6).toLowerCase();
      const places = Array.from({ length: plan.nodes }, (_, index): Place => {
        const nodeFolder = join(folder, `node-${index + 1}`);
        return {
          name: `node-${index + 1}-${mark}`,
          ports: ports.slice(index * plan.portsPerNode, (index + 1) * plan.portsPerNode),
          folder: nodeFolder,
          dataFolder: join(nodeFolder, 'data'),
        };
      });
      for (const place of places) mkdirSync(place.dataFolder, { recursive: true, mode: 0o700 });
      return new ServerGroup(plan, folder, places, unguard);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      await unguard();
      throw error;
    }
  }

  private constructor(
    plan: GroupPlan,
    folder: string,
    places: readonly Place[],
    unguard: () => Promise<void>,
  ) {
    this.#plan = plan;
    this.folder = folder;
    this.#unguard = unguard;
    this.nodes = places.map((place) => new GroupNode(plan, place, places));
  }

  /** Kills all and starts them together, with their data or without. */
  async restart({ wipe = false }: RestartOptions = {}): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    if (wipe) await Promise.all(this.nodes.map((node) => node.removeData()));
    await this.#startProcesses();
    if (wipe) await this.#plan.onEmpty?.(this.nodes.map((node) => node.place));
  }

  /** Stops all, removes the folder, ends the watch. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
    await this.#unguard();
  }

  async #startAll(): Promise<void> {
    await this.#startProcesses();
    await this.#plan.onEmpty?.(this.nodes.map((node) => node.place));
  }

  async #startProcesses(): Promise<void> {
    const starts = await Promise.allSettled(this.nodes.map((node) => node.start({ joining: false })));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #tails(): string {
    return this.nodes.map((node) => tailOf(node.logFile, 10_000)).join('\n');
  }
}

/** One server of a group. */
export class GroupNode implements RegistryNode {
  readonly place: Place;
  readonly logFile: string;
  readonly #plan: GroupPlan;
  readonly #all: readonly Place[];
  #process: ServerProcess | undefined;

  constructor(plan: GroupPlan, place: Place, all: readonly Place[]) {
    this.#plan = plan;
    this.place = place;
    this.#all = all;
    this.logFile = join(place.folder, 'log');
  }

  get name(): string {
    return this.place.name;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get endpoint(): string {
    return this.#plan.endpoint(this.place);
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  async start({ joining }: { readonly joining: boolean }): Promise<void> {
    const { logFile } = this;
    const run = await ServerProcess.start({
      ...this.#plan.command(this.place, this.#all, joining),
      cwd: this.place.folder,
      logFile,
      pidFile: join(this.place.folder, PID_FILE),
    });
    this.#process = run;
    if (this.#plan.detached) run.unref();
    const what = `${this.#plan.type}: ${this.endpoint} to serve`;
    try {
      await until(
        async () => {
          if (!run.running) throw new Error(`${this.#plan.type} ended while it started`);
          return (await this.#plan.isReady(this.place)) || undefined;
        },
        { what, withinMs: this.#plan.readyWithinMs },
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}. The end of its log:\n${tailOf(logFile)}`, { cause: error });
    }
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async restart({ wipe = false }: RestartOptions = {}): Promise<void> {
    await this.kill();
    const others = this.#all.filter((place) => place !== this.place);
    const joining = wipe && others.length > 0;
    if (joining) await this.#plan.replaceMember?.(this.place, others);
    if (wipe) await this.removeData();
    await this.start({ joining });
    if (wipe && !joining) await this.#plan.onEmpty?.(this.#all);
  }

  async removeData(): Promise<void> {
    await rm(this.place.dataFolder, { recursive: true, force: true, maxRetries: 3 });
    mkdirSync(this.place.dataFolder, { mode: 0o700 });
  }

  freeze(): void {
    this.#process?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }
}
