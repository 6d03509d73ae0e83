import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK, SignJWT } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** An issuer whose keys are at a real address, and that counts how often they are asked for. */
export class TestIssuer {
  readonly #server: Server;
  keys: readonly JWK[];
  fetches = 0;
  /** What it answers, instead of its keys. */
  answer:
    | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
    | undefined;

  static async start(keys: readonly SigningKey[]): Promise<TestIssuer> {
    const issuer = new TestIssuer(keys.map(({ jwk }) => jwk));
    await issuer.#listen(0);
    return issuer;
  }

  private constructor(keys: readonly JWK[]) {
    this.keys = keys;
    this.#server = createServer((_request, response) => {
      this.fetches++;
      const { status, body, headers } = this.answer ?? { status: 200 };
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers });
      response.end(body ?? JSON.stringify({ keys: this.keys }));
    });
  }

  get jwks(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }
}

export const ISSUER = 'https://id.example';
export const AUDIENCE = 'rollcall';

export interface TokenChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Seconds since the epoch. */
  readonly now?: number;
}

/** A good token, but for what is changed. `undefined` takes a claim out. */
export async function token(
  key: SigningKey,
  { claims = {}, header = {}, now }: TokenChanges = {},
): Promise<string> {
  const { alg, kid } = key;
  return await new SignJWT(claimsOf(claims, now))
    .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey);
}

export function claimsOf(claims: Readonly<Record<string, unknown>>, now = Math.floor(Date.now() / 1_000)) {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 300, ...claims };
}

/** A token of any text at all, signed by nobody, or by `sign`. */
export function forged(
  header: unknown,
  claims: unknown,
  sign: (input: string) => string = () => randomBytes(64).toString('base64url'),
): string {
  const input = [header, claims]
    .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${sign(input)}`;
}

export function hmac(secret: string | Uint8Array, hash = 'sha256'): (input: string) => string {
  return (input) => createHmac(hash, secret).update(input).digest('base64url');
}
