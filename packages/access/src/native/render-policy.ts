import { RegistryError } from '@rollcall/core';
import type { PolicyDocument } from '../policy/schema.ts';
import { renderConsul } from './consul.ts';
import { renderEtcd } from './etcd.ts';
import { renderNacos } from './nacos.ts';
import {
  NATIVE_REGISTRIES,
  type NativePolicy,
  type NativeRegistry,
  type NativeStep,
  type RenderOptions,
} from './native-policy.ts';
import { renderZooKeeper } from './zookeeper.ts';

/**
 * Writes a policy as a registry's own access lists, for processes that use the registry without a gateway. Each account that the policy
 * names (keys, and subjects without `*`) gets what its roles permit and its home may cross to, in Rollcall's own layout.
 *
 * It never permits more than the policy but where a warning says so: what the registry can't hold, such as crossings by metadata, is left out.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for a registry without such lists, and for passwords that are missing.
 */
export function renderPolicy(
  document: PolicyDocument,
  registry: NativeRegistry,
  options: RenderOptions = {},
): NativePolicy {
  switch (registry) {
    case 'etcd':
      return renderEtcd(document, options);
    case 'consul':
      return renderConsul(document, options);
    case 'zookeeper':
      return renderZooKeeper(document, options);
    case 'nacos':
    case 'nacos2':
      return renderNacos(document, options, registry);
    default:
      throw new RegistryError(
        'INVALID_ARGUMENT',
        `there are no access lists for ${String(registry satisfies never)}: registry is one of ${NATIVE_REGISTRIES.join(', ')}`,
        { field: 'registry' },
      );
  }
}

/**
 * The steps as lines for bash, for ZooKeeper as lines for `zkCli.sh`. Programs ask for passwords themselves; else they are in variables, as `PASSWORD_CI` for the account `ci`.
 * Requests go to the address in `CONSUL_HTTP_ADDR` or `NACOS_ADDR`, with the token in `CONSUL_HTTP_TOKEN` or `NACOS_TOKEN`. No secret becomes a word
 * of a command, which others on the machine could see.
 */
export function shellLines({ registry, steps }: NativePolicy): readonly string[] {
  return steps.map((step) =>
    step.kind === 'command' ? step.command.map(quoted).join(' ') : curl(step, registry),
  );
}

function curl(step: Extract<NativeStep, { kind: 'request' }>, registry: NativeRegistry): string {
  const [address, header, token] =
    registry === 'consul'
      ? ['CONSUL_HTTP_ADDR', 'X-Consul-Token', 'CONSUL_HTTP_TOKEN']
      : ['NACOS_ADDR', 'accessToken', 'NACOS_TOKEN'];
  const words = [
    `curl -fsS -X ${step.method} "$${address}${step.path}" -H @<(printf '${header}: %s' "$${token}")`,
    ...(step.json ? [`-H 'content-type: application/json' -d ${quoted(JSON.stringify(step.json))}`] : []),
    ...Object.entries(step.form ?? {}).map(([key, value]) => `--data-urlencode ${quoted(`${key}=${value}`)}`),
    ...(step.passwordOf === undefined
      ? []
      : [`--data-urlencode password@<(printf %s "$${variableOf(step.passwordOf)}")`]),
  ];
  return words.join(' ');
}

function variableOf(subject: string): string {
  return `PASSWORD_${subject.toUpperCase().replaceAll(/[^A-Z\d]/g, '_')}`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
