/**
 * Completes package-lock.json after `npm install`: `npm run lock`.
 *
 * npm leaves an optional package of another platform out of the lock file when the registry in use doesn't offer it,
 * and `npm ci` then refuses the lock file as out of step. Such a package is entered here by name, version and
 * platform, as npm does where it finds it, but without the hash that only the package itself can give.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const OS = [
  'darwin',
  'freebsd',
  'linux',
  'win32',
  'android',
  'openharmony',
  'aix',
  'sunos',
  'netbsd',
  'openbsd',
];
const CPU = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

const FILE = 'package-lock.json';
const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockedPackage> };
const missing = Object.entries(lock.packages).flatMap(([place, { optionalDependencies }]) =>
  Object.entries(optionalDependencies ?? {}).filter(
    ([name, version]) =>
      /^\d+\.\d+\.\d+/.test(version) &&
      !lock.packages[`${place}/node_modules/${name}`] &&
      !lock.packages[`node_modules/${name}`],
  ),
);
for (const [name, version] of missing) lock.packages[`node_modules/${name}`] = entry(name, version);
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${FILE}: ${missing.length} packages of other platforms entered\n`);

/** A package of one platform says in its name which. */
function entry(name: string, version: string): LockedPackage {
  const platform = name.split('/').at(-1) ?? name;
  const os = OS.find((each) => platform.includes(each));
  const cpu = CPU.find((each) => platform.includes(each));
  const libc =
    os !== 'linux'
      ? undefined
      : platform.includes('musl')
        ? 'musl'
        : platform.includes('gnu')
          ? 'glibc'
          : undefined;
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    dev: true,
    ...(libc && { libc: [libc] }),
    optional: true,
    ...(os && { os: [os] }),
  };
}
