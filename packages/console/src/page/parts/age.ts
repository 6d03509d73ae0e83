/** A time span as a person says it: `12 s`, `4 min`, `3 h`, `2 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const NUMBER = new Intl.NumberFormat('en', { useGrouping: true, maximumFractionDigits: 3 });

/** 10000 as 10 000. */
export function grouped(number: number): string {
  return NUMBER.format(number).replaceAll(',', '\u202f');
}

/** 0.125 as 12.5 %. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value !== 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
