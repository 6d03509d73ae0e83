/** One server-sent event. */
export interface StreamEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: unknown;
}

/** An open stream, read event by event. */
export interface EventReader {
  readonly status: number;
  /** The next event, comments left out; `undefined` when the stream has ended. */
  next(): Promise<StreamEvent | undefined>;
  close(): Promise<void>;
}

export async function readEvents(
  url: string,
  {
    headers = {},
    timeoutMs = 15_000,
  }: { headers?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<EventReader> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no event within ${timeoutMs} ms`)), timeoutMs);
  const response = await fetch(url, { headers, signal: controller.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<StreamEvent | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end === -1) {
        const part = await reader?.read();
        if (!part || part.done) return undefined;
        text += part.value;
        continue;
      }
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const [event, data, id] = [field('event'), field('data'), field('id')];
      if (event === undefined || data === undefined) continue;
      return { event, data: JSON.parse(data), ...(id !== undefined && { id }) };
    }
  };
  return {
    status: response.status,
    next,
    async close() {
      clearTimeout(timer);
      controller.abort();
      await reader?.cancel().catch(() => {});
    },
  };
}
