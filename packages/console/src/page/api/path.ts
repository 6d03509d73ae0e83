/** Makes a path of the API: what is filled in becomes one segment, whatever it holds, as core's `encodeSegment` does. */
export function path(fixed: TemplateStringsArray, ...names: readonly string[]): string {
  return String.raw({ raw: fixed }, ...names.map(encodeSegment));
}

function encodeSegment(name: string): string {
  const encoded = encodeURIComponent(name);
  return encoded.startsWith('.') ? `%2E${encoded.slice(1)}` : encoded;
}
