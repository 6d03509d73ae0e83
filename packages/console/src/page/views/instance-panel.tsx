import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Instance } from '../api/wire.ts';
import { grouped, percent } from '../parts/age.ts';
import { CloseIcon } from '../parts/icons.tsx';
import { STATUS_WORDS, StatusMark } from '../parts/status-mark.tsx';
import type { Intent } from './change-dialog.tsx';
import { addressOf, Tags } from './instance-columns.tsx';

interface Props {
  readonly id: string;
  /** `undefined` when it is no longer listed. */
  readonly instance: Instance | undefined;
  /** Its share of the calls, 0 to 1, for one that gets any. */
  readonly share: number | undefined;
  readonly mayOverride: boolean;
  readonly subject: string;
  readonly onIntent: (intent: Intent) => void;
  readonly onClose: () => void;
}

/** One instance in full, beside the table, and what can be done with it. */
export function InstancePanel({
  id,
  instance,
  share,
  mayOverride,
  subject,
  onIntent,
  onClose,
}: Props): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside class="panel" aria-label={`Instance ${id}`}>
      <div class="panel-head">
        <h2 class="name mono" tabIndex={-1} ref={heading}>
          {id}
        </h2>
        <button
          type="button"
          class="plain"
          aria-label="Close the details"
          title="Close (Esc)"
          onClick={onClose}
        >
          <CloseIcon />
        </button>
      </div>
      {instance === undefined ? (
        <p class="gone">It is no longer listed.</p>
      ) : (
        <>
          <Actions instance={instance} mayOverride={mayOverride} subject={subject} onIntent={onIntent} />
          <dl class="facts">
            <Fact term="Status">
              <StatusMark status={instance.status} />
            </Fact>
            <Fact term="Weight">
              <span class="tabular">{grouped(instance.weight)}</span>
              {share !== undefined && <span class="dim"> · {percent(share)} of the calls</span>}
            </Fact>
            <Fact term="Address">
              <span class="name mono">{addressOf(instance)}</span>
            </Fact>
            {instance.overrides && (
              <Fact term="Overridden">
                Its owner says {STATUS_WORDS[instance.overrides.status]}, weight{' '}
                <span class="tabular">{grouped(instance.overrides.weight)}</span>
              </Fact>
            )}
            {instance.scheme !== undefined && <Fact term="Scheme">{instance.scheme}</Fact>}
            {instance.zone !== undefined && <Fact term="Zone">{instance.zone}</Fact>}
            {instance.version !== undefined && <Fact term="Version">{instance.version}</Fact>}
            {instance.owner !== undefined && <Fact term="Owner">{instance.owner}</Fact>}
            {instance.tags !== undefined && (
              <Fact term="Tags">
                <Tags tags={instance.tags} />
              </Fact>
            )}
            {instance.endpoints?.map((endpoint) => (
              <Fact key={endpoint} term="Endpoint">
                <span class="name mono">{endpoint}</span>
              </Fact>
            ))}
          </dl>
          {instance.metadata !== undefined && (
            <>
              <h3>Metadata</h3>
              <dl class="facts">
                {Object.entries(instance.metadata)
                  .toSorted(([a], [b]) => (a < b ? -1 : 1))
                  .map(([key, value]) => (
                    <Fact key={key} term={key}>
                      <span class="mono">{value}</span>
                    </Fact>
                  ))}
              </dl>
            </>
          )}
        </>
      )}
    </aside>
  );
}

interface ActionsProps {
  readonly instance: Instance;
  readonly mayOverride: boolean;
  readonly subject: string;
  readonly onIntent: (intent: Intent) => void;
}

function Actions({ instance, mayOverride, subject, onIntent }: ActionsProps): JSX.Element {
  if (!mayOverride)
    return (
      <p class="panel-note dim">
        <b class="name">{subject}</b> may look at it. To drain it or set its weight takes a role with{' '}
        <code>override</code>.
      </p>
    );
  return (
    <div class="actions">
      {instance.status === 'UP' || instance.status === 'STARTING' ? (
        <button type="button" onClick={() => onIntent('drain')}>
          Drain … <kbd aria-hidden="true">d</kbd>
        </button>
      ) : (
        <button type="button" onClick={() => onIntent('enable')}>
          Enable … <kbd aria-hidden="true">e</kbd>
        </button>
      )}
      <button type="button" onClick={() => onIntent('weight')}>
        Set weight … <kbd aria-hidden="true">w</kbd>
      </button>
      {instance.overrides && instance.overrides.status === instance.status && (
        <button type="button" onClick={() => onIntent('restore')}>
          Take back …
        </button>
      )}
    </div>
  );
}

function Fact({
  term,
  children,
}: {
  readonly term: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div>
      <dt class="name">{term}</dt>
      <dd class="name">{children}</dd>
    </div>
  );
}
