export interface PercentilePlot {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly { readonly name: string; readonly at: (part: number) => number }[];
}

const WIDTH = 720;
const HEIGHT = 380;
const MARGIN = { left: 76, right: 130, top: 44, bottom: 48 };
/** Dark enough on white and light enough on black, and apart from each other for those who see few colours. */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const TICKS = [0.5, 0.9, 0.99, 0.999];
const STEPS = 120;

/** Percentiles of several, as an SVG: from the median to the 99.9th, each step of the axis ten times rarer; both axes are logarithmic. */
export function percentilePlot({ title, unit, lines }: PercentilePlot): string {
  const rarity = (part: number) => Math.log10(1 / (1 - part));
  const [from, to] = [rarity(0.5), rarity(0.999)];
  const values = lines.flatMap(({ at }) => [at(0.5), at(0.999)]);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  const x = (part: number) =>
    MARGIN.left + ((rarity(part) - from) / (to - from)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) =>
    HEIGHT -
    MARGIN.bottom -
    (Math.log10(value / low) / Math.log10(high / low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const parts = Array.from({ length: STEPS + 1 }, (_, i) => 1 - 10 ** -(from + (i / STEPS) * (to - from)));
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const decades = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i);
  const places = spread(lines.map(({ at }) => y(at(0.999))));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" role="img" aria-label="${title}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${MARGIN.left}" y="24" font-size="15">${title}</text>
${decades
  .map(
    (value) =>
      `<path d="M${MARGIN.left} ${y(value).toFixed(1)}H${right}" stroke="#ddd"/><text x="${MARGIN.left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value} ${unit}</text>`,
  )
  .join('\n')}
${TICKS.map(
  (part) =>
    `<path d="M${x(part).toFixed(1)} ${MARGIN.top}V${bottom}" stroke="#ddd"/><text x="${x(part).toFixed(1)}" y="${bottom + 20}" text-anchor="middle">${Number((part * 100).toFixed(1))} %</text>`,
).join('\n')}
<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">so many calls took at most that long</text>
${lines
  .map(({ name, at }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const points = parts.map((part) => `${x(part).toFixed(1)},${y(at(part)).toFixed(1)}`).join(' ');
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/><text x="${right + 8}" y="${((places[i] as number) + 4).toFixed(1)}" fill="${colour}">${name}</text>`;
  })
  .join('\n')}
</svg>
`;
}

/** Moves labels apart that would lie on each other. */
function spread(places: readonly number[]): readonly number[] {
  const gap = 16;
  const order = [...places.keys()].toSorted((a, b) => (places[a] as number) - (places[b] as number));
  const moved = [...places];
  for (const [i, place] of order.entries()) {
    const above = order[i - 1];
    if (above !== undefined) moved[place] = Math.max(moved[place] as number, (moved[above] as number) + gap);
  }
  return moved;
}
