import type { Program } from '@rollcall-examples/main-job/program';
import type { RegistrySettings, Stage } from '@rollcall-examples/main-job/stage';

export interface Move {
  readonly from: RegistrySettings;
  readonly to: RegistrySettings;
  /** Ends the old registry, when nobody needs it any more. */
  readonly switchOff: () => Promise<void>;
}

/** Starting a program from source takes this long on a slow machine, in milliseconds, at most. */
const START_MS = 60_000;
const LEAVE_MS = 30_000;
/** Long enough for calls to be made in each state, in milliseconds. */
const WATCH_MS = 1_500;
const INSTANCES = 3;

/**
 * Moves three instances and their caller from one registry to the other. Each process is replaced twice: by one that
 * uses both registries, then by one that knows only the new one. Every step can be undone until the old one is switched off.
 *
 * @param say told each step, in a line.
 */
export async function move(
  stage: Stage,
  { from, to, switchOff }: Move,
  say: (line: string) => void,
): Promise<void> {
  const both: RegistrySettings = {
    type: 'multi',
    options: {
      sources: [
        { name: 'old', type: from.type, options: from.options },
        { name: 'new', type: to.type, options: to.options },
      ],
    },
  };
  const service = new Service(stage);
  say('1. everybody is in the old registry');
  await service.start();
  await stage.letFlow(WATCH_MS);

  say('2. process by process, everybody is replaced by one that uses both');
  stage.use(both);
  await service.replaceAll(say);
  await stage.letFlow(WATCH_MS);

  say('3. process by process, everybody is replaced by one that knows only the new one');
  stage.use(to);
  await service.replaceAll(say);
  await stage.letFlow(WATCH_MS);

  say('4. the old registry is switched off');
  await switchOff();
  await stage.letFlow(WATCH_MS);
  await stage.leave();
}

/** Three instances and a caller, and the names of those that come after them. */
class Service {
  readonly #stage: Stage;
  #round = 1;
  #caller: Program | undefined;
  #instances: Program[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async start(): Promise<void> {
    this.#caller = this.#stage.startCaller('caller-1');
    for (let n = 1; n <= INSTANCES; n++)
      this.#instances.push(this.#stage.startInstance(`user-service-${n}.1`));
    await this.#called(this.#instances);
  }

  /** First those who call, so that whoever is listed anew is seen. */
  async replaceAll(say: (line: string) => void): Promise<void> {
    this.#round++;
    const old = this.#caller;
    this.#caller = this.#stage.startCaller(`caller-${this.#round}`);
    await this.#called(this.#instances);
    await this.#end(old);
    say(`   ${this.#caller.id} calls`);
    for (const [i, instance] of this.#instances.entries()) {
      const next = this.#stage.startInstance(`user-service-${i + 1}.${this.#round}`);
      await this.#called([next]);
      await this.#end(instance);
      this.#instances[i] = next;
      say(`   ${next.id} is in the place of ${instance.id}`);
    }
  }

  async #called(programs: readonly Program[]): Promise<void> {
    const ids = programs.map(({ id }) => id);
    const { byInstance: before } = this.#stage.counts;
    await this.#stage.until(`${ids.join(', ')} listed and called`, START_MS, () => {
      const { listed, counts } = this.#stage;
      return ids.every(
        (id) => listed.get(id)?.status === 'UP' && (counts.byInstance[id] ?? 0) > (before[id] ?? 0),
      );
    });
  }

  async #end(program: Program | undefined): Promise<void> {
    if (!program) return;
    program.mayEnd = true;
    program.kill('SIGTERM');
    await this.#stage.ended(program, LEAVE_MS);
  }
}
