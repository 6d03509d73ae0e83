import assert from 'node:assert/strict';
import { DEFAULT_NAMESPACE, RegistryError, type ServiceKey } from '@rollcall/core';
import { anyName, carrying, namespaces, type PromiseGroup } from '../promise.ts';
import { eventually } from '../waiting.ts';

export const naming: PromiseGroup = {
  title: 'names and metadata',
  promises: [
    {
      title: 'an awkward id comes back as it was written',
      needs: [anyName],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const instances = AWKWARD.map((id) => trial.instance(key, id));
        await writer.registerAll(instances);
        await reader.sees(key, instances);
        for (const instance of instances.slice(1)) await writer.deregister(instance);
        await reader.sees(key, instances.slice(0, 1));
      },
    },
    {
      title: 'an awkward service name is a service of its own',
      needs: [anyName],
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const apart = trial.setting.capabilities.namespaces;
        const namespace = apart ? trial.namespace() : DEFAULT_NAMESPACE;
        // Without a namespace to itself, a bare name could be another run's.
        const names = AWKWARD.map((name) => (apart ? name : `${trial.mark}${name.slice(0, 150)}`));
        const all = names.map((service) => trial.instance({ namespace, service }, 'one'));
        await writer.registerAll(all);
        for (const instance of all) await reader.sees(instance, [instance]);
        await eventually('listServices', trial.setting.visibleMs, async () => {
          const listed = await reader.listServices(namespace);
          assert.deepEqual(
            listed.filter((name) => apart || name.startsWith(trial.mark)).toSorted(),
            names.toSorted(),
          );
        });
      },
    },
    {
      title: 'an awkward namespace is a namespace of its own',
      needs: [anyName, namespaces],
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const { service } = trial.service();
        const all = AWKWARD.map((namespace) => trial.instance({ namespace, service }, 'one'));
        await writer.registerAll(all);
        for (const instance of all) await reader.sees(instance, [instance]);
      },
    },
    {
      title: 'a name that tries to climb appears nowhere else',
      async test(trial) {
        const [writer, reader] = [await trial.client(), await trial.client()];
        const { namespaces: apart } = trial.setting.capabilities;
        const [home, away] = apart
          ? [trial.namespace(), trial.namespace()]
          : [DEFAULT_NAMESPACE, DEFAULT_NAMESPACE];
        const [plain, victim] = [trial.service('plain', home), trial.service('victim', away)];
        const [own, theirs] = [trial.instance(plain, 'own'), trial.instance(victim, 'theirs')];
        await writer.registerAll([own, theirs]);
        const names = climbersTo(victim);
        // Without a namespace to itself, a bare service name could be another run's.
        const services = [...names.map((name) => `${trial.mark}${name}`), ...(apart ? names : [])];
        const climbers = [
          ...names.map((name) => trial.instance(plain, name)),
          ...services.map((service) => trial.instance({ namespace: home, service }, 'climber')),
        ];
        const listed = [];
        for (const climber of climbers) {
          try {
            await writer.register(climber);
            listed.push(climber);
          } catch (error) {
            const refused = error instanceof RegistryError && REFUSALS.has(error.code);
            if (!refused || trial.setting.capabilities.anyName) throw error;
          }
        }
        await reader.sees(plain, [own, ...listed.filter(({ service }) => service === plain.service)]);
        await reader.sees(victim, [theirs]);
        for (const climber of listed) {
          if (climber.service !== plain.service) await reader.sees(climber, [climber]);
        }
        // The names may come from another cache than the lists.
        await eventually('the names of the services', trial.setting.visibleMs, async () => {
          const there = await reader.listServices(away);
          const visible = apart ? there : there.filter((name) => name === victim.service);
          assert.deepEqual(visible, [victim.service]);
        });
        for (const climber of listed) await writer.deregister(climber);
        await reader.sees(plain, [own]);
        await reader.sees(victim, [theirs]);
      },
    },
    {
      title: 'awkward metadata comes back as it was written',
      needs: [carrying('metadata')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const metadata = fitting(
          AWKWARD_METADATA,
          trial.setting.capabilities.maxMetadataCharacters ?? Number.POSITIVE_INFINITY,
        );
        const instance = trial.instance(key, 'one', { metadata });
        await writer.register(instance);
        await reader.sees(key, [instance]);
      },
    },
    {
      title: 'a metadata value of 4 KB, or as long as is stated, comes back as it was written',
      needs: [carrying('metadata')],
      async test(trial) {
        const key = trial.service();
        const [writer, reader] = [await trial.client(), await trial.client()];
        const length = Math.min(4_096, (trial.setting.capabilities.maxMetadataCharacters ?? 5_000) - 1);
        const instance = trial.instance(key, 'one', {
          metadata: { v: 'long value '.repeat(400).slice(0, length) },
        });
        await writer.register(instance);
        await reader.sees(key, [instance]);
      },
    },
  ],
};

const REFUSALS: ReadonlySet<string> = new Set(['INVALID_ARGUMENT', 'UNSUPPORTED']);

/** Names that `defineInstance` takes and that some path, URL, query, shell, file system or template would bend. */
const AWKWARD: readonly string[] = [
  'a/b',
  '/',
  '//',
  '/a',
  'a/',
  'a//b',
  'a\\b',
  '.',
  '..',
  '...',
  '.hidden',
  'a.b.c',
  'a.',
  './a',
  '../a',

  'a b',
  ' a',
  'a ',
  '%',
  '100%',
  '%2F',
  '%2e%2e',
  '%25',
  '%zz',
  'a+b',
  'a&b=c',
  'a?b#c',
  'a;b',
  'a,b',
  'a:b',

  'a@b',
  'a@@b',
  'a|b',
  'a*b',
  '*',
  '<a>',
  '"a"',
  "it's",
  '`a`',
  '$a',
  '${a}',
  '$(a)',
  '{a}',
  '[a]',
  '(a)',

  '~',
  '-',
  '--a',
  '_',
  '!',
  '^',
  'con',
  'nul',
  'null',
  'undefined',
  'true',
  '0',
  '__proto__',
  'constructor',

  'toString',
  'A',
  'a',
  'é',
  'e\u0301',
  'ünïcödé',
  '名前',
  'имя',
  'שם',
  '😀',
  '\u200b',
  '\ufeff',
  'a\u00a0b',
  'x'.repeat(200),
];

/** Names that lead to the victim when they are taken for a path, decoded or not. */
function climbersTo({ namespace, service }: ServiceKey): readonly string[] {
  const encoded = `%2e%2e%2f${service}`;
  return [
    `../${service}`,
    `../../${service}`,
    `/${service}`,
    `x/../${service}`,
    `./../${service}`,
    `..\\${service}`,
    `../${namespace}/${service}`,
    `../../${namespace}/${service}`,
    `/${namespace}/${service}`,

    encoded,
    encoded.toUpperCase(),
    `%2e%2e%2f${namespace}%2f${service}`,
    '..',
    '.',
    '/',
    '%2e%2e',
    '../..',
    `../${service}/theirs`,
    `../../${namespace}/${service}/theirs`,
  ];
}

const AWKWARD_METADATA: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['__proto__', 'data'],
  ['constructor', 'data'],
  ['a.b/c', 'a.b/c'],
  ['a b', ' a b '],
  ['%2F', '100% %2F +'],
  ['ключ 😀', 'значение 名前 😀'],
  ['quotes', '"\'`\\'],
  ['a=b&c;d', 'a=b&c;d,e|f#g'],
  ['json', '{"a":[1,null]}'],
  ['lines', 'a\r\nb\tc'],
  ['control', '\u0000\u0001\u007f'],
  ['UPPER', 'Upper'],
  ['upper', 'lower'],
  ['number', '007'],
  ['true', 'false'],
  ['null', 'null'],
  ['a@@b', '@@'],
  ['$a', '${a}'],
];

/** As many pairs as the registry has room for, in order. */
function fitting(pairs: readonly (readonly [string, string])[], characters: number): Record<string, string> {
  let left = characters;
  const taken = pairs.filter(([key, value]) => {
    const size = key.length + value.length;
    if (size > left) return false;
    left -= size;
    return true;
  });
  return Object.fromEntries(taken);
}
