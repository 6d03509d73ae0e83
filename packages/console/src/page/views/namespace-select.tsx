import type { JSX } from 'preact';
import { go } from '../state/route.ts';

interface Props {
  readonly namespace: string | undefined;
  readonly namespaces: readonly string[];
}

export function NamespaceSelect({ namespace, namespaces }: Props): JSX.Element {
  const all =
    namespace === undefined || namespaces.includes(namespace) ? namespaces : [namespace, ...namespaces];
  return (
    <label class="field">
      <span class="field-label">Namespace</span>
      <select
        id="namespace"
        value={namespace}
        onChange={(event) => go({ view: 'services', namespace: event.currentTarget.value })}
      >
        {all.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
