import { type Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { gunzip } from 'node:zlib';
import type { Clock } from '../clock.ts';
import { abortError, linkSignals } from '../deadline.ts';
import { RegistryError, toRegistryError } from '../errors.ts';

export interface Outgoing {
  readonly method: string;
  /** The base URL of the server. */
  readonly server: string;
  /** What comes after it, encoded. It is sent as it stands here. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly agent: HttpAgent | HttpsAgent;
  readonly signal: AbortSignal;
  readonly doing: string;
}

/**
 * Sends a request, and resolves with the head of the answer.
 *
 * @throws {RegistryError} `UNAVAILABLE`, `PROTOCOL`; or what the signal's abort gives.
 */
export async function send(outgoing: Outgoing): Promise<IncomingMessage> {
  for (;;) {
    // A kept connection that the server closed just before it was used says nothing about the server. Each is tried
    // once, and the last is a new one.
    // oxlint-disable-next-line no-await-in-loop -- the next is used only when this one was stale
    const incoming = await sendOnce(outgoing);
    if (incoming !== STALE) return incoming;
  }
}

function sendOnce(outgoing: Outgoing): Promise<IncomingMessage | typeof STALE> {
  const { method, server, target, headers, body, agent, signal, doing } = outgoing;
  const base = new URL(server);
  return new Promise((resolve, reject) => {
    const request = (base.protocol === 'https:' ? httpsRequest : httpRequest)({
      ...urlToHttpOptions(base),
      // Not by a URL, which would take `%2E%2E` for a step.
      path: base.pathname.replace(/\/$/u, '') + target,
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      agent,
      signal,
    });
    request.on('error', (error) => {
      const isStale = request.reusedSocket && 'code' in error && STALE_CODES.has(error.code);
      if (isStale) resolve(STALE);
      else reject(explain(error, doing));
    });
    request.on('response', resolve);
    request.end(body);
  });
}

/**
 * Reads the whole body, unpacked.
 *
 * @throws {RegistryError} `UNAVAILABLE` when it was cut short, `PROTOCOL` when it is larger than that, or no gzip.
 */
export function readWhole(incoming: IncomingMessage, doing: string, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    incoming.on('data', (part: Buffer) => {
      size += part.length;
      parts.push(part);
      if (size <= maxBytes) return;
      reject(tooLarge(doing, maxBytes));
      incoming.destroy();
    });
    incoming.on('error', (error) =>
      reject(new RegistryError('UNAVAILABLE', `${doing}: the answer was cut short`, { cause: error })),
    );
    incoming.on('end', () => {
      const bytes = Buffer.concat(parts);
      if (incoming.headers['content-encoding'] !== 'gzip') {
        resolve(bytes.toString());
        return;
      }
      gunzip(bytes, { maxOutputLength: maxBytes }, (error, unpacked) => {
        if (!error) resolve(unpacked.toString());
        else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') reject(tooLarge(doing, maxBytes));
        else reject(new RegistryError('PROTOCOL', `${doing}: the answer is no gzip`, { cause: error }));
      });
    });
  });
}

export interface FollowOptions {
  readonly clock: Clock;
  /** After so long without a byte it counts as dead, in milliseconds. */
  readonly silenceMs: number;
  readonly signals: readonly AbortSignal[];
  readonly doing: string;
}

/**
 * A body that goes on, part by part, as text. It ends when the server ends it, and by throwing when the connection is lost or
 * silent, or a signal aborts. While the reader is busy, nothing more is taken in.
 */
export function follow(incoming: IncomingMessage, options: FollowOptions): AsyncGenerator<string, void> {
  const { signals, doing } = options;
  const link = linkSignals(...signals);
  // An error is told to whoever reads; until somebody does, nobody else may be hit by it.
  incoming.on('error', () => {});
  incoming.once('close', () => link.release());
  link.signal.addEventListener('abort', () => incoming.destroy(abortError(link.signal, doing)), {
    once: true,
  });
  if (link.signal.aborted) incoming.destroy(abortError(link.signal, doing));
  return partsOf(incoming.setEncoding('utf8'), options, link.signal);
}

async function* partsOf(
  incoming: IncomingMessage,
  { clock, silenceMs, doing }: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const parts = incoming.iterator() as AsyncIterator<string>;
  const silence = `${doing}: nothing came for ${Math.round(silenceMs / 1_000)} s, not even a sign of life`;
  try {
    for (;;) {
      const cancel = clock.after(silenceMs, () =>
        incoming.destroy(new RegistryError('UNAVAILABLE', silence)),
      );
      // oxlint-disable-next-line no-await-in-loop -- one part after the other
      const { value, done } = await parts.next().finally(cancel);
      if (done === true) return;
      yield value;
    }
  } catch (error) {
    if (signal.aborted) throw abortError(signal, doing);
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('UNAVAILABLE', `${doing}: the connection was lost`, { cause: error });
  } finally {
    incoming.destroy();
  }
}

const STALE_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

/** The connection had been closed by the server while nobody used it. */
const STALE = Symbol('stale');

function tooLarge(doing: string, maxBytes: number): RegistryError {
  return new RegistryError('PROTOCOL', `${doing}: the answer is larger than ${maxBytes} bytes`);
}

/** What a server that is no HTTP server, or whose certificate is not trusted, answers is not an outage that passes, but may be mended. */
function explain(error: Error, doing: string): RegistryError {
  const code = 'code' in error ? String(error.code) : '';
  if (/^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$)/u.test(code)) {
    const what = `${doing}: TLS failed (${code}): check https, tls.ca and tls.serverName`;
    return new RegistryError('UNAVAILABLE', what, { cause: error });
  }
  if (code.startsWith('HPE_'))
    return new RegistryError('UNAVAILABLE', `${doing}: the answer is no HTTP (${code})`, { cause: error });
  return toRegistryError(error, doing);
}
