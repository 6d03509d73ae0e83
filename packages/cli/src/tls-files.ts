import { readFile } from 'node:fs/promises';
import type { GatewayCertificate } from '@rollcall/gateway';

/** The PEM files of a server. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who signs client certificates. */
  readonly ca: string | undefined;
}

/** How often they are looked at, in milliseconds. */
const LOOK_MS = 2_000;

/** @throws what the file system says, with the path. */
export async function readTlsFiles({ cert, key, ca }: TlsFiles): Promise<GatewayCertificate> {
  const [certText, keyText, caText] = await Promise.all([
    readFile(cert, 'utf8'),
    readFile(key, 'utf8'),
    ca === undefined ? undefined : readFile(ca, 'utf8'),
  ]);
  return { cert: certText, key: keyText, ...(caText !== undefined && { ca: caText }) };
}

export interface TlsFollower {
  /** The files say something else now. What it throws is a problem of the files. */
  onChange(texts: GatewayCertificate): void;
  /** Is told once of what can't be read or taken. */
  onProblem(error: unknown): void;
}

/**
 * Follows the files of a certificate, which is renewed while its server runs. What has changed counts once it is the same at two looks: a
 * certificate and its key are two files, and are written one after the other.
 *
 * @param current what they say now.
 * @returns what ends it.
 */
export function followTlsFiles(
  files: TlsFiles,
  current: GatewayCertificate,
  follower: TlsFollower,
): () => void {
  let known = JSON.stringify(current);
  let seen = known;
  const look = async (): Promise<void> => {
    let texts: GatewayCertificate | undefined;
    let problem: unknown;
    try {
      texts = await readTlsFiles(files);
    } catch (error) {
      problem = error;
    }
    const text = texts ? JSON.stringify(texts) : String(problem);
    const isSettled = text === seen;
    seen = text;
    if (!isSettled || text === known) return;
    known = text;
    try {
      if (!texts) throw problem;
      follower.onChange(texts);
    } catch (error) {
      follower.onProblem(error);
    }
  };
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => (isLooking = false));
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
