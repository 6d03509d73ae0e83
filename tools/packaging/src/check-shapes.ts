/**
 * Checks the shape of every package as it would be published: what publint finds, and whether its types are found and true by
 * Are The Types Wrong. One process for all: the tools' own commands start anew for each package, which takes a minute.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { runOrThrow } from './run.ts';
import { ROOT } from './workspace.ts';

/** All packages are ES modules alone: what could only `require` them is not asked. */
const NOT_ASKED: ReadonlySet<string> = new Set(['node10', 'node16-cjs']);

const folder = mkdtempSync(join(tmpdir(), 'rollcall-shapes-'));
try {
  const problems: string[] = [];
  const args = [
    'pack',
    '--json',
    '--ignore-scripts',
    '--workspace',
    'packages',
    '--pack-destination',
    folder,
  ];
  const { stdout } = await runOrThrow('npm', args, { cwd: ROOT });
  const packed = JSON.parse(stdout) as readonly { readonly name: string; readonly filename: string }[];
  for (const { name, filename } of packed) {
    const tarball = new Uint8Array(readFileSync(join(folder, filename)));
    // oxlint-disable-next-line no-await-in-loop -- both keep the processor busy: at once they take as long
    for (const problem of await problemsOf(tarball)) problems.push(`${name}: ${problem}`);
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(`${packed.length} packages, ${problems.length} problems\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}

async function problemsOf(tarball: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  const types = await checkPackage(createPackageFromTarballData(tarball));
  const wrong = types.types === false ? ['it has no types'] : types.problems.filter(isAsked).map(described);
  return [...messages.map((message) => formatMessage(message, pkg) ?? message.code), ...wrong];
}

function isAsked(problem: Problem): boolean {
  return !('resolutionKind' in problem) || !NOT_ASKED.has(problem.resolutionKind);
}

function described(problem: Problem): string {
  const { kind, ...where } = problem;
  return `${kind} ${JSON.stringify(where)}`;
}
