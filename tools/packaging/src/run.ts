import { execFile } from 'node:child_process';

export interface Run {
  /** The exit code; -1 when a signal or the deadline ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In milliseconds. Defaults to 60 000. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end, or kills it at the deadline. Its environment is the process's without what steers Node and Rollcall. */
export function run(
  program: string,
  args: readonly string[],
  { cwd, env = {}, timeoutMs = 60_000 }: RunOptions,
): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      {
        cwd,
        env: { ...outerEnvironment(), ...env },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 2 ** 24,
      },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** As {@link run}, and rejects with the output when the program fails. */
export async function runOrThrow(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Run> {
  const result = await run(program, args, options);
  if (result.code === 0) return result;
  const { code, stdout, stderr } = result;
  throw new Error(`${program} ${args.join(' ')} ended with ${code} in ${options.cwd}\n${stdout}\n${stderr}`);
}

/** A test runner hands its settings down by these; npm hands down the workspace that it runs a script of. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const settings =
    /^(?:NODE_OPTIONS|NODE_ENV|NODE_PATH|VITEST|TEST|PROD|DEV|INIT_CWD|ROLLCALL_.*|VITEST_.*|npm_(?!config_).*|npm_config_(?:workspace|local_prefix|prefix).*)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)));
}
