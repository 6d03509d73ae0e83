import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Me, ServiceCount } from '../api/wire.ts';
import { grouped } from '../parts/age.ts';
import { Loading, Notice, Refused } from '../parts/notice.tsx';
import type { OverviewFeed } from '../state/overview-feed.ts';
import { endOf, endWords } from '../state/ends.ts';
import { hashOf } from '../state/route.ts';
import { type Arrow, type Box, HEAD_HEIGHT, layOut, LINE_HEIGHT } from '../state/topology-layout.ts';
import { Crossings } from './access-view.tsx';

const HEALTH_WIDTH = 44;
/** Not drawn, but it keeps apart what is read out. */
const SPACE = ' ';
const LETTERS = new Intl.Segmenter();

/** The namespaces with their services, and who may call across. */
export function TopologyView({
  me,
  overview,
}: {
  readonly me: Me;
  readonly overview: OverviewFeed;
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [focus, setFocus] = useState<string>();
  const topology = overview.topology.value;
  const error = overview.error.value;
  const picture = useMemo(() => (topology ? layOut(topology, width) : undefined), [topology, width]);
  const near = (arrow: Arrow): boolean =>
    focus === undefined ||
    [arrow.crossing.from, arrow.crossing.to].some((end) => endOf(end).namespace === focus);
  const nearBox = (name: string): boolean =>
    focus === undefined ||
    focus === name ||
    (picture?.arrows ?? []).some((arrow) => near(arrow) && ends(arrow).includes(name));

  return (
    <div class="page topology" ref={frame}>
      <h1>Topology</h1>
      {topology === undefined || picture === undefined ? (
        error ? (
          <Refused error={error} what="the topology" subject={me.subject} roles={me.roles} />
        ) : (
          <Loading what="the topology" />
        )
      ) : topology.namespaces.length === 0 ? (
        <Notice title="There is no namespace that you may see">
          <p>
            You are <b class="name">{me.subject}</b>. Ask whoever keeps the gateway’s policy for a role with{' '}
            <code>list</code>.
          </p>
        </Notice>
      ) : (
        <>
          <div class="picture">
            <svg
              width={picture.width}
              height={picture.height}
              viewBox={`0 0 ${picture.width} ${picture.height}`}
              role="group"
              aria-label="Namespaces, their services, and the allowed ways between them"
            >
              <defs>
                <marker
                  id="tip"
                  viewBox="0 0 8 8"
                  refX="7"
                  refY="4"
                  markerWidth="7"
                  markerHeight="7"
                  orient="auto"
                >
                  <path class="tip" d="M0 0.8 7 4 0 7.2z" />
                </marker>
              </defs>
              {/* Arrows first: what lies between two boxes stays readable above them. */}
              {picture.arrows.map((arrow) => (
                <Way
                  key={`${arrow.crossing.from} ${arrow.crossing.to} ${arrow.crossing.why}`}
                  arrow={arrow}
                  near={near(arrow)}
                />
              ))}
              {picture.boxes.map((box) => (
                <NamespaceBox
                  key={box.namespace.name}
                  box={box}
                  near={nearBox(box.namespace.name)}
                  onFocus={setFocus}
                />
              ))}
            </svg>
          </div>
          <section aria-labelledby="topology-crossings">
            <h2 id="topology-crossings">Allowed across namespaces</h2>
            <Crossings topology={topology} />
          </section>
        </>
      )}
    </div>
  );
}

interface BoxProps {
  readonly box: Box;
  readonly near: boolean;
  readonly onFocus: (name: string | undefined) => void;
}

function NamespaceBox({
  box: { namespace, x, y, width, height, services, more },
  near,
  onFocus,
}: BoxProps): JSX.Element {
  const { name, mode } = namespace;
  const calm = (): void => onFocus(undefined);
  const mind = (): void => onFocus(name);
  return (
    <g
      class={near ? 'box' : 'box far'}
      onMouseEnter={mind}
      onMouseLeave={calm}
      onFocusIn={mind}
      onFocusOut={calm}
    >
      <rect class="box-frame" x={x} y={y} width={width} height={height} rx="8" />
      <a href={hashOf({ view: 'services', namespace: name })} aria-label={`${name} ${mode}, namespace`}>
        <rect class="box-hit" x={x + 1} y={y + 1} width={width - 2} height={HEAD_HEIGHT - 6} rx="7" />
        <text class="box-name" x={x + 14} y={y + 25}>
          {cut(name, 20)}
        </text>
        {SPACE}
        <text class={`box-mode mode-${mode}`} x={x + width - 14} y={y + 25} text-anchor="end">
          {mode}
        </text>
      </a>
      {services.length === 0 && (
        <text class="box-none" x={x + 14} y={y + HEAD_HEIGHT + LINE_HEIGHT / 2 + 4}>
          no service yet
        </text>
      )}
      {services.map(({ service, y: middle }) => (
        <a
          key={service.name}
          href={hashOf({ view: 'instances', namespace: name, service: service.name, id: undefined })}
          aria-label={`${service.name} ${countOf(service)} up`}
        >
          <rect
            class="box-hit"
            x={x + 6}
            y={middle - LINE_HEIGHT / 2 + 1}
            width={width - 12}
            height={LINE_HEIGHT - 2}
            rx="5"
          />
          <text class="box-service" x={x + 14} y={middle + 4}>
            {cut(service.name, 18)}
          </text>
          {SPACE}
          <text
            class={service.up < service.total ? 'box-count troubled' : 'box-count'}
            x={x + width - 22 - HEALTH_WIDTH}
            y={middle + 4}
            text-anchor="end"
          >
            {countOf(service)}
          </text>
          <rect
            class={`box-rest ${healthOf(service)}`}
            x={x + width - 14 - HEALTH_WIDTH}
            y={middle - 2}
            width={HEALTH_WIDTH}
            height="4"
            rx="2"
          />
          <rect
            class="box-up"
            x={x + width - 14 - HEALTH_WIDTH}
            y={middle - 2}
            width={service.total === 0 ? 0 : (HEALTH_WIDTH * service.up) / service.total}
            height="4"
            rx="2"
          />
          {cut(service.name, 18) !== service.name && <title>{service.name}</title>}
        </a>
      ))}
      {more > 0 && (
        <text class="box-none" x={x + 14} y={y + height - 8 - LINE_HEIGHT / 2 + 4}>
          and {grouped(more)} more
        </text>
      )}
    </g>
  );
}

function Way({
  arrow: { crossing, path },
  near,
}: {
  readonly arrow: Arrow;
  readonly near: boolean;
}): JSX.Element {
  return (
    <g
      class={near ? 'way' : 'way far'}
      role="img"
      aria-label={`${endWords(crossing.from)} may call ${endWords(crossing.to)}: ${crossing.why}`}
    >
      <path class="way-line" d={path} marker-end="url(#tip)" />
      {/* Wide enough for a pointer to find. */}
      <path class="way-hit" d={path} />
      <title>{`${endWords(crossing.from)} → ${endWords(crossing.to)}\n${crossing.why}`}</title>
    </g>
  );
}

function countOf({ up, total }: ServiceCount): string {
  return up < total ? `${grouped(up)}/${grouped(total)}` : grouped(total);
}

function healthOf({ up, total }: ServiceCount): 'full' | 'some' | 'none' {
  if (up === total) return 'full';
  return up === 0 ? 'none' : 'some';
}

function ends({ crossing: { from, to } }: Arrow): readonly string[] {
  return [endOf(from).namespace, endOf(to).namespace];
}

function useWidth(frame: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(1_000);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth - 40));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}

function cut(text: string, length: number): string {
  const letters = Array.from(LETTERS.segment(text), ({ segment }) => segment);
  return letters.length <= length ? text : `${letters.slice(0, length - 1).join('')}…`;
}
