import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface MavenJarsOptions {
  /** `group:artifact:version`, each with all that it depends on at run time. */
  readonly artifacts: readonly string[];
  /** The name of the program that is made: a script that runs `main`. */
  readonly program: string;
  readonly main: string;
  /** Options of the Java machine. */
  readonly javaFlags: readonly string[];
  /** `group:artifact:version` of poms that set the versions of everything else; then an artifact needs no version. */
  readonly boms?: readonly string[];
  /** Java classes to compile against the jars: file name → text. */
  readonly sources?: Readonly<Record<string, string>>;
  /** What the names of the jars start with that must stand before all others on the class path, in order. */
  readonly first?: readonly string[];
}

/** Fetches jars with Maven, compiles what is to stand beside them, and writes a script that runs the main class. */
export function mavenJars(options: MavenJarsOptions): Recipe {
  return {
    name: 'fetch with Maven',
    obstacle() {
      if (process.platform === 'win32') return Promise.resolve('the script that starts it needs a shell');
      const missing = ['mvn', 'java', ...(options.sources ? ['javac'] : [])].find(
        (name) => onPath(name) === undefined,
      );
      return Promise.resolve(missing === undefined ? undefined : `${missing} is not on PATH`);
    },
    async cook(into, progress) {
      const scratch = await mkdtemp(join(tmpdir(), 'rollcall-maven-'));
      try {
        await writeFile(join(scratch, 'pom.xml'), pom(options));
        progress('fetching jars');
        await runCommand(
          'mvn',
          ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(into, 'lib')}`],
          { cwd: scratch, timeoutMs: 10 * 60_000, progress, title: 'mvn copy-dependencies' },
        );
        const sources = Object.entries(options.sources ?? {});
        if (sources.length > 0) {
          progress('compiling');
          const files = sources.map(([name, text]) => ({ file: join(scratch, name), text }));
          await Promise.all(files.map(({ file, text }) => writeFile(file, text)));
          await runCommand(
            'javac',
            [
              '-cp',
              join(into, 'lib', '*'),
              '-d',
              join(into, 'classes'),
              '-parameters',
              ...files.map(({ file }) => file),
            ],
            { cwd: scratch, timeoutMs: 2 * 60_000, progress },
          );
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      const script = join(into, options.program);
      await writeFile(script, launcher(options, await classPath(into, options)));
      await chmod(script, 0o755);
      return 'Maven';
    },
  };
}

/** `exec`, so that the process that is killed or frozen is the Java machine itself. */
function launcher({ javaFlags, main }: MavenJarsOptions, jars: readonly string[]): string {
  const path = jars.map((jar) => `$here/${jar}`).join(':');
  return `#!/bin/sh\nhere="$(dirname "$0")"\nexec java ${javaFlags.join(' ')} -cp "${path}" ${main} "$@"\n`;
}

/** Java takes a `*` in no order that one could rely on, so jars that must come first are named. */
async function classPath(into: string, { first = [], sources }: MavenJarsOptions): Promise<string[]> {
  const jars = await readdir(join(into, 'lib'));
  const named = first.map((start) => {
    const jar = jars.find((name) => name.startsWith(start));
    if (jar === undefined) throw new Error(`Maven brought no jar whose name starts with ${start}`);
    return `lib/${jar}`;
  });
  return [...(sources ? ['classes'] : []), ...named, 'lib/*'];
}

function pom({ artifacts, boms = [] }: MavenJarsOptions): string {
  const imported = boms.map((bom) => dependency(bom, '<type>pom</type><scope>import</scope>'));
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rollcall</groupId>
  <artifactId>registries</artifactId>
  <version>1</version>
  <dependencyManagement><dependencies>${imported.join('')}</dependencies></dependencyManagement>
  <dependencies>${artifacts.map((artifact) => dependency(artifact)).join('')}</dependencies>
</project>
`;
}

function dependency(coordinates: string, more = ''): string {
  const [group, name, version] = coordinates.split(':');
  const versioned = version === undefined ? '' : `<version>${version}</version>`;
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId>${versioned}${more}</dependency>`;
}
