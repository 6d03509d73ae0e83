import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Answer, Api } from '../api/api.ts';
import { type ApiError, toApiError } from '../api/api-error.ts';
import { path } from '../api/path.ts';
import type { Instance, InstanceStatus } from '../api/wire.ts';
import { grouped, percent } from '../parts/age.ts';
import { Modal } from '../parts/modal.tsx';
import { STATUS_WORDS, StatusMark } from '../parts/status-mark.tsx';
import { say } from '../parts/toast.tsx';
import type { InstanceTable } from '../state/instance-table.ts';

/** What somebody wants of an instance. */
export type Intent = 'drain' | 'enable' | 'weight' | 'restore';

const MAX_WEIGHT = 1_000_000;

interface Props {
  readonly api: Api;
  readonly namespace: string;
  readonly service: string;
  readonly id: string;
  readonly intent: Intent;
  readonly table: InstanceTable;
  readonly onClose: () => void;
}

/**
 * Asks before an instance is changed, and says what the change does. It reads the instance first and sends what it read along
 * (`If-Match`): nobody confirms a change of something that is no longer as it was shown.
 */
export function ChangeDialog({ api, namespace, service, id, intent, table, onClose }: Props): JSX.Element {
  const [seen, setSeen] = useState<Answer<Instance>>();
  const [problem, setProblem] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [weight, setWeight] = useState<string>();
  const url = path`/v1/namespaces/${namespace}/services/${service}/instances/${id}`;
  const override = `${url}/override`;

  const instance = seen?.body;
  const entered = weight ?? (instance ? String(instance.weight) : '');

  const read = async (): Promise<void> => {
    try {
      setSeen(await api.get<Instance>(url));
    } catch (error) {
      setProblem(toApiError(error));
    }
  };
  useEffect(() => void read(), [url]);

  const send = async (): Promise<void> => {
    if (!seen) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const body = bodyOf(intent, seen.body, entered);
      const changed = body
        ? await api.change<Instance>('PUT', override, seen.etag, body)
        : await api.change<Instance>('DELETE', override, seen.etag);
      say(outcome(intent, id, changed.body));
      onClose();
    } catch (thrown) {
      const error = toApiError(thrown);
      setProblem(error);
      if (error.status === 412) await read();
    } finally {
      setBusy(false);
    }
  };

  const wrong = intent === 'weight' && !isWeight(entered);
  return (
    <Modal title={titleOf(intent, id)} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong && !busy) void send();
        }}
      >
        {instance ? (
          <>
            {intent === 'drain' && <DrainWords instance={instance} table={table} />}
            {(intent === 'enable' || intent === 'restore') && <EnableWords instance={instance} />}
            {intent === 'weight' && (
              <WeightField
                instance={instance}
                table={table}
                value={entered}
                wrong={wrong}
                onInput={setWeight}
              />
            )}
          </>
        ) : (
          !problem && <p class="dim">Looking at it …</p>
        )}
        {problem && (
          <p class="problem" role="alert">
            {problem.status === 412
              ? 'Somebody changed it meanwhile. This is how it is now: look, and confirm again.'
              : problem.message}
          </p>
        )}
        <div class="modal-actions">
          <button type="button" autofocus={intent === 'drain'} onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={intent === 'drain' ? 'danger' : 'primary'}
            disabled={!instance || busy || wrong}
          >
            {{ drain: 'Drain', enable: 'Enable', weight: 'Set weight', restore: 'Take back' }[intent]}
          </button>
        </div>
      </form>
    </Modal>
  );
}

function DrainWords({
  instance,
  table,
}: {
  readonly instance: Instance;
  readonly table: InstanceTable;
}): JSX.Element {
  const up = table.counts().get('UP') ?? 0;
  const others = instance.status === 'UP' ? up - 1 : up;
  return (
    <>
      <p>
        It gets no new calls and finishes those that it has. It stays <Word status="OUT_OF_SERVICE" />, also
        when it registers again, until somebody enables it.
      </p>
      {others <= 0 ? (
        <p class="warning">
          <b>No other instance of {instance.service} is up.</b> Calls to it will fail.
        </p>
      ) : (
        <p class="dim">
          {grouped(others)} other {others === 1 ? 'instance is' : 'instances are'} up.
        </p>
      )}
    </>
  );
}

function EnableWords({ instance }: { readonly instance: Instance }): JSX.Element {
  const { status, overrides, id } = instance;
  if (overrides) return <RestoreWords overrides={overrides} status={status} />;
  return (
    <>
      <p>
        It becomes <Word status="UP" /> and gets calls, whatever its owner says, until somebody takes that
        back.
      </p>
      <p class="warning">
        Nobody drained it: <span class="name mono">{id}</span> itself says that it is <Word status={status} />
        .
      </p>
    </>
  );
}

interface RestoreWordsProps {
  readonly overrides: NonNullable<Instance['overrides']>;
  readonly status: InstanceStatus;
}

function RestoreWords({ overrides, status }: RestoreWordsProps): JSX.Element {
  return (
    <p>
      It is <Word status={status} /> by an operator’s word. That is taken back: what its owner says holds
      again, <Word status={overrides.status} /> with weight <b class="tabular">{grouped(overrides.weight)}</b>
      .
    </p>
  );
}

interface WeightFieldProps {
  readonly instance: Instance;
  readonly table: InstanceTable;
  readonly value: string;
  readonly wrong: boolean;
  readonly onInput: (text: string) => void;
}

function WeightField({ instance, table, value, wrong, onInput }: WeightFieldProps): JSX.Element {
  const share = (weight: number): string => percent(table.share(instance.id, weight));
  return (
    <>
      <label for="weight">Weight</label>
      <input
        id="weight"
        class="tabular"
        type="number"
        inputmode="decimal"
        min={0}
        max={MAX_WEIGHT}
        step="any"
        required
        autofocus
        value={value}
        aria-describedby="weight-about"
        aria-invalid={wrong}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p id="weight-about" class="dim tabular">
        {wrong ? (
          `A number from 0 to ${grouped(MAX_WEIGHT)}; 0 gives it no calls.`
        ) : instance.status === 'UP' ? (
          <>
            {share(instance.weight)} of the calls now, {share(Number(value))} then.
          </>
        ) : (
          `It gets no calls while it is ${(STATUS_WORDS[instance.status] ?? instance.status).toLowerCase()}.`
        )}
      </p>
    </>
  );
}

function Word({ status }: { readonly status: InstanceStatus }): ComponentChildren {
  return <StatusMark status={status} />;
}

function titleOf(intent: Intent, id: string): ComponentChildren {
  const name = <span class="name mono">{id}</span>;
  if (intent === 'drain') return <>Drain {name}?</>;
  if (intent === 'enable') return <>Enable {name}?</>;
  if (intent === 'restore') return <>Take back what was set on {name}?</>;
  return <>Weight of {name}</>;
}

/** What is set; `undefined` where everything that was set is taken back. */
function bodyOf(
  intent: Intent,
  { overrides }: Instance,
  weight: string,
): { status: InstanceStatus } | { weight: number } | undefined {
  if (intent === 'drain') return { status: 'OUT_OF_SERVICE' };
  if (intent === 'weight') return { weight: Number(weight) };
  return intent === 'enable' && !overrides ? { status: 'UP' } : undefined;
}

function outcome(intent: Intent, id: string, { status, weight }: Instance): string {
  if (intent === 'weight') return `${id} has weight ${grouped(weight)}.`;
  if (intent === 'drain') return `${id} is drained: it gets no new calls.`;
  if (intent === 'restore') return `${id} is as its owner says.`;
  return status === 'UP'
    ? `${id} takes calls again.`
    : `${id} itself says that it is ${(STATUS_WORDS[status] ?? status).toLowerCase()}.`;
}

function isWeight(text: string): boolean {
  const weight = Number(text);
  return text.trim() !== '' && weight >= 0 && weight <= MAX_WEIGHT;
}
