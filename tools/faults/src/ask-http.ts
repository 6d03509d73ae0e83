interface Request {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams;
}

/**
 * One request of an operator, on a connection of its own; it may take 5 s. Resolves with the JSON of the answer.
 *
 * Rejects for an answer that is no success, with what it says. The URL is not in the message: it may hold a credential.
 */
export async function askHttp(url: string, init: Request = {}): Promise<unknown> {
  const response = await fetch(url, {
    ...init,
    headers: { accept: 'application/json', ...init.headers, connection: 'close' },
    signal: AbortSignal.timeout(5_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${new URL(url).pathname}: ${response.status} ${text.slice(0, 300)}`);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}
