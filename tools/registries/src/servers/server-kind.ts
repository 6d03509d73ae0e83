import type { Prepared } from '../cache.ts';
import type { RegistryType, RunningByType, StartOptions } from '../contract.ts';
import type { Programs } from '../programs.ts';

/** All that the tool has to know about one kind of server. Adding a registry means writing one of these. */
export interface ServerKind<Type extends RegistryType> extends Prepared {
  readonly type: Type;
  /** The environment variable that holds addresses, split by commas, of one that already runs. */
  readonly endpointsVariable: string;
  /** The environment variable that holds the path of the server's program, the first of `programs`. */
  readonly programVariable: string;
  /** A handle on one that already runs. The programs are for operator commands, where they can be had. */
  attach(endpoints: readonly string[], programs: Programs | undefined): RunningByType[Type];
  /** Starts servers of our own and resolves when they serve. */
  start(programs: Programs, options: StartOptions): Promise<RunningByType[Type]>;
}
