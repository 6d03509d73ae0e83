import { isLoopback } from './advertised-address.ts';
import { formatDuration } from './duration.ts';
import type { Finding } from './finding.ts';

/** A difference above this is odd on machines that keep their clocks by NTP, in milliseconds. */
const TOLERATED_MS = 2_000;

/** The `Date` header has whole seconds (RFC 9110, section 6.6.1): the true time is up to this later, in milliseconds. */
const DATE_STEP_MS = 1_000;

/** The servers that the options of a registry name as `http:` or `https:` URLs, without user and password. */
export function serverUrls(options: unknown): readonly URL[] {
  if (typeof options !== 'object' || options === null) return [];
  return Object.entries(options).flatMap(([key, value]) => {
    // A proxy or the like is no server: only what adapters call their servers.
    if (!/^(?:endpoints?|servers?|url|urls|address|addresses|agents?)$/i.test(key)) return [];
    const texts: unknown[] = Array.isArray(value) ? value : [value];
    return texts.flatMap((text) => {
      if (typeof text !== 'string' || !/^https?:/.test(text) || !URL.canParse(text)) return [];
      const url = new URL(text);
      url.username = '';
      url.password = '';
      return [url];
    });
  });
}

/** The hosts that the options of a registry name, as URLs or as `host:port`. */
export function serverHosts(options: unknown): readonly string[] {
  if (typeof options !== 'object' || options === null) return [];
  const named = serverUrls(options).map(({ hostname }) => hostname);
  const hosts: unknown = 'hosts' in options ? options.hosts : undefined;
  const pairs = (Array.isArray(hosts) ? hosts : []).flatMap((text: unknown) =>
    typeof text === 'string' ? [text.replace(/:\d+$/, '')] : [],
  );
  return [...named, ...pairs];
}

/** Whether the registry is on another machine, as far as its options tell. */
export function isRemote(options: unknown): boolean {
  return serverHosts(options).some((host) => !isLoopback(host));
}

/** Compares this machine's clock with the `Date` header of the registry's first server. */
export async function checkClock(options: unknown, timeoutMs: number): Promise<Finding> {
  const check = 'clock';
  const [url] = serverUrls(options);
  if (!url) return { check, status: 'skipped', says: 'this registry has no HTTP server that tells its time' };
  let header: string | null;
  const sentAt = Date.now();
  const began = performance.now();
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    header = answer.headers.get('date');
    await answer.body?.cancel();
  } catch {
    const says = `${url.host} tells no time without credentials: no answer to a plain HTTP request`;
    return { check, status: 'skipped', says };
  }
  const tookMs = performance.now() - began;
  const theirs = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(theirs)) return { check, status: 'skipped', says: `${url.host} answers without a Date` };
  // The server's time was read between the request and the answer, and is up to a second later than it says.
  const aheadMs = theirs - (sentAt + tookMs);
  const behindMs = sentAt - (theirs + DATE_STEP_MS);
  const differenceMs = Math.max(0, aheadMs, behindMs);
  if (differenceMs <= TOLERATED_MS)
    return { check, status: 'ok', says: `agrees with ${url.host}, as far as whole seconds tell` };
  const side = aheadMs > 0 ? 'behind' : 'ahead of';
  return {
    check,
    status: 'warning',
    says: `this machine is ${formatDuration(differenceMs)} ${side} ${url.host}`,
    remedy: 'set both clocks by NTP: certificates, tokens and the times in logs depend on them',
  };
}
