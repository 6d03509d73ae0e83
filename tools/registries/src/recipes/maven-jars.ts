import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onPath } from '../programs.ts';
import { runCommand } from '../run-command.ts';
import type { Recipe } from './recipe.ts';

export interface MavenJarsOptions {
  /** `group:artifact:version`, each with all that it depends on. */
  readonly artifacts: readonly string[];
  /** The name of the program that is made: a script that runs `main`. */
  readonly program: string;
  readonly main: string;
  /** Options of the Java machine. */
  readonly javaFlags: readonly string[];
}

/** Fetches jars with Maven and writes a script beside them that runs their main class. */
export function mavenJars(options: MavenJarsOptions): Recipe {
  return {
    name: 'fetch with Maven',
    obstacle() {
      if (process.platform === 'win32') return Promise.resolve('the script that starts it needs a shell');
      const missing = ['mvn', 'java'].find((name) => onPath(name) === undefined);
      return Promise.resolve(missing === undefined ? undefined : `${missing} is not on PATH`);
    },
    async cook(into, progress) {
      const scratch = await mkdtemp(join(tmpdir(), 'rollcall-maven-'));
      try {
        await writeFile(join(scratch, 'pom.xml'), pom(options.artifacts));
        progress('fetching jars');
        await runCommand(
          'mvn',
          ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(into, 'lib')}`],
          { cwd: scratch, timeoutMs: 10 * 60_000, progress, title: 'mvn copy-dependencies' },
        );
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      const script = join(into, options.program);
      await writeFile(script, launcher(options));
      await chmod(script, 0o755);
      return 'Maven';
    },
  };
}

/** `exec`, so that the process that is killed or frozen is the Java machine itself. */
function launcher({ javaFlags, main }: MavenJarsOptions): string {
  return `#!/bin/sh\nexec java ${javaFlags.join(' ')} -cp "$(dirname "$0")/lib/*" ${main} "$@"\n`;
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rollcall</groupId>
  <artifactId>registries</artifactId>
  <version>1</version>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}
