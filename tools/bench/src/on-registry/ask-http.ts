/** Sends a request, by the bare means of Node, and gives the text of the answer. @throws where that isn't a success. */
export async function askHttp(url: string, options: Omit<RequestInit, 'signal'> = {}): Promise<string> {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${options.method ?? 'GET'} ${url} was answered with ${response.status}`);
  return text;
}
