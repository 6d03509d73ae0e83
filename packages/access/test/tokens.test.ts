import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AccessControl,
  AuthenticationError,
  type AuthenticationReason,
  type PolicyInput,
} from '../src/index.ts';
import {
  AUDIENCE,
  claimsOf,
  forged,
  hmac,
  ISSUER,
  newKey,
  type SigningKey,
  TestIssuer,
  token,
} from './support/issuer.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const soon = () => AbortSignal.timeout(10_000);
const folder = temporaryFolder();

let rsa: SigningKey;
let ec: SigningKey;
let stranger: SigningKey;
let issuer: TestIssuer;
let control: AccessControl;

beforeAll(async () => {
  [rsa, ec, stranger] = await Promise.all([newKey('rsa', 'RS256'), newKey('ec'), newKey('ec')]);
  issuer = await TestIssuer.start([rsa, ec]);
  control = await AccessControl.open({ policy: policy() });
});
afterAll(async () => {
  await control.close();
  await issuer.stop();
});

function policy(entry: Partial<NonNullable<PolicyInput['tokens']>[number]> = {}): PolicyInput {
  return {
    roles: {
      viewer: [{ verbs: ['list'], namespaces: ['*'] }],
      service: [{ verbs: ['register'], namespaces: ['{namespace}'] }],
      admin: [{ verbs: ['*'], namespaces: ['*'] }],
    },
    tokens: [
      {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: ['RS256', 'ES256'],
        jwks: issuer.jwks,
        claims: { roles: 'roles', namespace: 'ns', service: 'svc' },
        homeless: 'allow',
        ...entry,
      },
    ],
  };
}

async function reasonFor(credentials: string, by = control): Promise<AuthenticationReason | 'let in'> {
  try {
    await by.authenticate(`Bearer ${credentials}`, soon());
    return 'let in';
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    const [, claims = ''] = credentials.split('.');
    if (claims.length > 8) expect(`${error.message}${error.challenge}`).not.toContain(claims);
    expect(error.challenge).toMatch(
      /^Bearer realm="rollcall", error="invalid_token", error_description="[ !#-[\]-~]+"$/,
    );
    return error.reason;
  }
}

describe('a good token', () => {
  it.each([
    ['RS256', () => rsa],
    ['ES256', () => ec],
  ])('signed by %s lets its subject in, with roles and home', async (_alg, key) => {
    const claims = { roles: ['viewer', 'unknown'], ns: 'orders', svc: 'ledger' };
    const principal = await control.authenticate(`Bearer ${await token(key(), { claims })}`, soon());
    expect(principal).toMatchObject({
      subject: 'alice',
      kind: 'service',
      roles: ['viewer'],
      home: { namespace: 'orders', service: 'ledger' },
    });
    expect(Object.isFrozen(principal)).toBe(true);
    expect(principal.expiresAt).toBeGreaterThan(Date.now() + 290_000);
    // Once more it comes from the cache: the same principal.
    const again = await token(key(), { claims });
    expect(await control.authenticate(`Bearer ${again}`, soon())).toBe(
      await control.authenticate(`bearer ${again}`, soon()),
    );
  });

  it('has its roles in a text with spaces too, and in an object', async () => {
    const spaced = await token(ec, { claims: { roles: 'viewer admin' } });
    expect((await control.authenticate(`Bearer ${spaced}`, soon())).roles).toEqual(['viewer', 'admin']);
    const nested = await AccessControl.open({
      policy: policy({ claims: { roles: ['realm_access', 'roles'] }, roles: ['viewer'] }),
    });
    const inside = await token(ec, { claims: { realm_access: { roles: ['viewer', 'admin'] } } });
    expect((await nested.authenticate(`Bearer ${inside}`, soon())).roles).toEqual(['viewer']);
    await nested.close();
  });

  it('may be of any type that is named, in any spelling of it', async () => {
    for (const typ of ['at+jwt', 'application/at+jwt', 'jwt', 'JWT'])
      expect(await reasonFor(await token(ec, { header: { typ } }))).toBe('let in');
  });
});

describe('no signature', () => {
  const none = ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'none\u0000', '', 'n\u006fne'];

  it.each(none)('alg %j is refused, with a signature or without', async (alg) => {
    const head = { alg, typ: 'at+jwt', kid: 'ec' };
    expect(await reasonFor(forged(head, claimsOf({}), () => ''))).toBe('signature');
    expect(await reasonFor(forged(head, claimsOf({})))).toBe('algorithm');
  });

  it('a stripped, cut, empty or other signature is refused', async () => {
    const [head, body, signature = ''] = (await token(ec)).split('.');
    const other = (await token(ec, { claims: { sub: 'bob' } })).split('.')[2] ?? '';
    expect(await reasonFor(`${head}.${body}.`)).toBe('signature');
    expect(await reasonFor(`${head}.${body}`)).toBe('signature');
    expect(await reasonFor(`${head}.${body}.${signature.slice(0, -6)}`)).toBe('signature');
    expect(await reasonFor(`${head}.${body}.${other}`)).toBe('signature');
    expect(await reasonFor(`${head}.${body}.${'A'.repeat(86)}`)).toBe('signature');
    expect(await reasonFor(`${head}.${body}.${signature}.x`)).toBe('malformed');
    expect(await reasonFor(`${head}.${body}.${signature}=`)).toBe('malformed');
  });

  it('no algorithm, or one that is no text, is refused', async () => {
    for (const alg of [undefined, null, 0, ['ES256'], { toString: 'ES256' }])
      expect(await reasonFor(forged({ alg, typ: 'JWT' }, claimsOf({})))).toBe('algorithm');
  });
});

describe('another key', () => {
  it('of a stranger is refused, under the kid of a good one or another', async () => {
    expect(await reasonFor(await token(stranger))).toBe('signature');
    expect(await reasonFor(await token({ ...stranger, kid: 'theirs' }))).toBe('key');
  });

  it('as HMAC’s secret: the public key in any form is no secret', async () => {
    const { jwk } = rsa;
    const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    for (const secret of [pem.toString(), pem.toString().trim(), JSON.stringify(jwk), String(jwk.n)])
      for (const kid of ['rsa', undefined])
        expect(await reasonFor(forged({ alg: 'HS256', typ: 'JWT', kid }, claimsOf({}), hmac(secret)))).toBe(
          'algorithm',
        );
  });

  it('of another algorithm than the key’s is refused', async () => {
    expect(await reasonFor(await token({ ...ec, kid: 'rsa' }))).toBe('key');
    const [, body] = (await token(rsa)).split('.');
    const head = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'rsa', typ: 'JWT' })).toString('base64url');
    expect(await reasonFor(`${head}.${body}.${'A'.repeat(86)}`)).toBe('key');
    for (const alg of ['RS384', 'PS256', 'ES384', 'EdDSA', 'rs256'])
      expect(await reasonFor(forged({ alg, typ: 'JWT', kid: 'rsa' }, claimsOf({})))).toBe('algorithm');
  });

  it.each(['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64'])(
    'brought by the token itself (%s) is refused, and not fetched',
    async (field) => {
      const evil = await TestIssuer.start([stranger]);
      const value = { jwk: stranger.jwk, x5c: ['MIIB'], crit: ['exp'], b64: false }[field] ?? evil.jwks;
      const head = { alg: 'ES256', typ: 'JWT', kid: 'ec', [field]: value };
      expect(await reasonFor(forged(head, claimsOf({})))).toBe('header');
      expect(evil.fetches).toBe(0);
      await evil.stop();
    },
  );

  it.each([
    '../../../../dev/null',
    '/dev/null',
    "ec' OR '1'='1",
    'ec\u0000',
    '__proto__',
    'constructor',
    '$(id)',
    'http://127.0.0.1/jwks',
    '%2e%2e%2f',
    '',
  ])('named by the kid %j is none', async (kid) => {
    expect(await reasonFor(await token({ ...stranger, kid }))).toBe('key');
    // An empty secret is what a reader of /dev/null would check with.
    expect(await reasonFor(forged({ alg: 'HS256', typ: 'JWT', kid }, claimsOf({}), hmac('')))).toBe(
      'algorithm',
    );
  });

  it('with a kid that is no short text is refused', async () => {
    for (const kid of [1, null, ['ec'], { a: 1 }, 'k'.repeat(257)])
      expect(await reasonFor(forged({ alg: 'ES256', typ: 'JWT', kid }, claimsOf({})))).toBe('header');
  });
});

describe('a secret shared with the issuer', () => {
  const hmacPolicy = async (
    secret: string | Uint8Array,
    algorithm: 'HS256' | 'HS512' = 'HS256',
  ): Promise<PolicyInput> => {
    const secretFile = join(folder.path, 'secret');
    await writeFile(secretFile, secret);
    const entry = { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm], secretFile };
    return { ...policy(), tokens: [entry] };
  };

  it('is taken when it has as many bytes as the hash, and only with its own algorithm', async () => {
    const secret = Buffer.alloc(32, 7);
    const shared = await AccessControl.open({ policy: await hmacPolicy(secret) });
    const head = { alg: 'HS256', typ: 'JWT' };
    expect(await reasonFor(forged(head, claimsOf({}), hmac(secret)), shared)).toBe('let in');
    expect(await reasonFor(forged(head, claimsOf({}), hmac(Buffer.alloc(32, 8))), shared)).toBe('signature');
    expect(await reasonFor(await token(rsa), shared)).toBe('algorithm');
    await shared.close();
  });

  it('is refused when it is weak, or when the issuer has public keys too', async () => {
    await expect(AccessControl.open({ policy: await hmacPolicy('secret') })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      field: 'tokens[0].secretFile',
      message: expect.stringMatching(/6 bytes.*at least 32/) as string,
    });
    await expect(
      AccessControl.open({ policy: await hmacPolicy(Buffer.alloc(32, 7), 'HS512') }),
    ).rejects.toThrow(/64/);
    await expect(
      AccessControl.open({ policy: policy({ algorithms: ['HS256', 'RS256'] }) }),
    ).rejects.toMatchObject({ code: 'INVALID_CONFIG', field: 'tokens[0].algorithms' });
    await expect(AccessControl.open({ policy: policy({ algorithms: ['HS256'] }) })).rejects.toThrow(
      /secretFile/,
    );
  });
});

describe('claims', () => {
  const at = Math.floor(Date.now() / 1_000);

  it.each<[string, Record<string, unknown>, AuthenticationReason]>([
    ['another issuer', { iss: 'https://evil.example' }, 'issuer'],
    ['an issuer that is nearly the same', { iss: `${ISSUER}/` }, 'issuer'],
    ['no issuer', { iss: undefined }, 'issuer'],
    ['several issuers', { iss: [ISSUER] }, 'issuer'],
    ['an issuer that every object has', { iss: 'constructor' }, 'issuer'],
    ['another audience', { aud: 'other' }, 'audience'],
    ['other audiences', { aud: ['other', 'rollcall2'] }, 'audience'],
    ['no audience', { aud: undefined }, 'audience'],
    ['expired', { exp: at - 60 }, 'expired'],
    ['expired long ago', { exp: 0 }, 'expired'],
    ['no end', { exp: undefined }, 'claims'],
    ['an end that is a text', { exp: String(at + 300) }, 'claims'],
    ['an end that is null', { exp: null }, 'claims'],
    ['an end in a far future', { exp: 99_999_999_999 }, 'lifetime'],
    ['an end beyond all time', { exp: 1e300 }, 'lifetime'],
    ['not good yet', { nbf: at + 60 }, 'not-yet-valid'],
    ['made in the future', { iat: at + 60 }, 'not-yet-valid'],
    ['no subject', { sub: undefined }, 'claims'],
    ['an empty subject', { sub: '' }, 'claims'],
    ['a subject that is no text', { sub: { toString: 'alice' } }, 'claims'],
    ['a subject with a line break', { sub: 'alice\nadmin' }, 'claims'],
    ['a subject that is long', { sub: 'a'.repeat(300) }, 'claims'],
    ['a service without a namespace', { svc: 'ledger' }, 'claims'],
    ['roles that are no list', { roles: { admin: true } }, 'claims'],
    ['roles that are no texts', { roles: [['admin']] }, 'claims'],
    ['too many roles', { roles: Array.from({ length: 101 }, (_, i) => `r${i}`) }, 'claims'],
  ])('with %s', async (_what, claims, reason) => {
    expect(await reasonFor(await token(ec, { claims }))).toBe(reason);
  });

  it('with an end that JSON makes infinite', async () => {
    const text = JSON.stringify(claimsOf({ exp: 1 })).replace('"exp":1', '"exp":1e999');
    expect(await reasonFor(forged({ alg: 'ES256', typ: 'JWT', kid: 'ec' }, text))).toBe('claims');
  });

  it('without a namespace are refused unless the policy takes homeless ones', async () => {
    const strict = await AccessControl.open({ policy: policy({ homeless: 'refuse' }) });
    expect(await reasonFor(await token(ec), strict)).toBe('claims');
    expect(await reasonFor(await token(ec, { claims: { ns: 'orders' } }), strict)).toBe('let in');
    await strict.close();
  });

  it('count within the tolerance for clocks', async () => {
    expect(await reasonFor(await token(ec, { claims: { exp: at - 2, nbf: at + 3, iat: at + 3 } }))).toBe(
      'let in',
    );
    await expect(AccessControl.open({ policy: policy({ clockToleranceMs: 60_001 }) })).rejects.toThrow(
      /at most 60000/,
    );
  });

  it('of another type', async () => {
    for (const typ of ['id+jwt', 'dpop+jwt', '', 'secevent+jwt', undefined])
      expect(await reasonFor(await token(ec, { header: { typ } }))).toBe('type');
  });
});

describe('a text that means two things', () => {
  const head = '{"alg":"ES256","typ":"JWT","kid":"ec"}';
  const claims = JSON.stringify(claimsOf({}));

  it.each([
    ['a header with alg twice', head.replace('{', '{"alg":"none",'), claims],
    ['a header with alg twice, spelled differently', head.replace('{', '{"\\u0061lg":"none",'), claims],
    ['claims with sub twice', head, claims.replace('{', '{"sub":"root",')],
    ['claims with a key twice, deep inside', head, claims.replace('{', '{"a":[{"b":{"c":1,"\\u0063":2}}],')],
    ['a header that is no object', '["ES256"]', claims],
    ['claims that are no object', head, 'null'],
    ['claims that are no JSON', head, '{sub:alice}'],
    ['claims that are not UTF-8', head, '\u{d800}'],
    ['claims that are nested deeply', head, `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`],
    ['a header that is nested deeply', `{"a":${'{"a":'.repeat(900)}1${'}'.repeat(900)}}`, claims],
  ])('%s', async (_what, header, body) => {
    expect(await reasonFor(forged(header, body))).toBe('malformed');
  });

  it('invalid UTF-8', async () => {
    const body = Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url');
    expect(await reasonFor(`${Buffer.from(head).toString('base64url')}.${body}.AAAA`)).toBe('malformed');
  });

  it('other alphabets, padding, spaces and several parts', async () => {
    const good = await token(ec);
    for (const bad of [
      `${good}.`,
      `${good}.a.b`,
      good.replace('.', '..'),
      `${good.slice(0, 5)}+${good.slice(5)}`,
      '...',
      '..',
      'a.b.c',
    ])
      expect(await reasonFor(bad)).not.toBe('let in');
    for (const header of [
      'Basic YTpi',
      'Bearer',
      'Bearer ',
      `Bearer ${good} ${good}`,
      `Bearer\t${good}`,
      good,
      `Bearer ${good}\r\nx: y`,
    ])
      await expect(control.authenticate(header, soon())).rejects.toMatchObject({ reason: 'malformed' });
  });

  it('more than 8 KB is refused before it is read', async () => {
    const huge = await token(ec, { claims: { fill: 'x'.repeat(8_000) } });
    expect(huge.length).toBeGreaterThan(8_192);
    expect(await reasonFor(huge)).toBe('too-large');
    const begin = performance.now();
    for (let i = 0; i < 100; i++)
      await expect(control.authenticate(`Bearer ${'['.repeat(1_000_000)}`, soon())).rejects.toMatchObject({
        reason: 'too-large',
      });
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  it('names of prototypes in claims change nothing', async () => {
    const body = JSON.stringify(claimsOf({})).replace(
      '{',
      '{"__proto__":{"roles":["admin"],"ns":"x","polluted":1},"constructor":{"prototype":{"polluted":1}},',
    );
    const input = [head, body].map((part) => Buffer.from(part).toString('base64url')).join('.');
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(algorithm, ec.privateKey, Buffer.from(input));
    const principal = await control.authenticate(
      `Bearer ${input}.${Buffer.from(signature).toString('base64url')}`,
      soon(),
    );
    expect(principal).toMatchObject({ subject: 'alice', roles: [] });
    expect(principal.home).toBeUndefined();
    expect('polluted' in {}).toBe(false);
    const named = await token(ec, { claims: { roles: ['__proto__', 'constructor', 'toString'] } });
    expect((await control.authenticate(`Bearer ${named}`, soon())).roles).toEqual([]);
  });
});

describe('whatever somebody sends', () => {
  it('is refused as credentials, and fails no other way', async () => {
    const refused = async (header: string) => {
      const outcome: unknown = await control.authenticate(header, soon()).catch((error: unknown) => error);
      expect(outcome, header).toBeInstanceOf(AuthenticationError);
    };
    const field = fc.oneof(
      fc.constantFrom('alg', 'kid', 'typ', 'iss', 'aud', 'exp', 'sub', 'crit'),
      fc.string(),
    );
    const value = fc.oneof(
      fc.constantFrom('RS256', 'ES256', 'ec', 'rsa', 'JWT', 'at+jwt', ISSUER, AUDIENCE),
      fc.jsonValue(),
    );
    const part = fc.oneof(fc.dictionary(field, value), fc.jsonValue());
    await fc.assert(fc.asyncProperty(fc.string({ minLength: 1, unit: 'binary' }), (text) => refused(text)));
    await fc.assert(fc.asyncProperty(fc.string(), (text) => refused(`Bearer ${text}`)));
    await fc.assert(
      fc.asyncProperty(part, part, async (header, claims) => {
        const good = { alg: 'ES256', kid: 'ec', typ: 'JWT' };
        await refused(`Bearer ${forged(header, claims)}`);
        await refused(`Bearer ${forged(good, claims)}`);
        await refused(`Bearer ${forged(header, claimsOf({}))}`);
        await refused(`Bearer ${forged(good, { ...claimsOf({}), ...(claims as object) })}`);
      }),
    );
  });
});

describe('no credentials', () => {
  it('are refused with a challenge, unless the policy has roles for anybody', async () => {
    await expect(control.authenticate(undefined, soon())).rejects.toMatchObject({
      reason: 'missing',
      challenge: 'Bearer realm="rollcall"',
    });
    const open = await AccessControl.open({ policy: { ...policy(), anonymous: { roles: ['viewer'] } } });
    const nobody = await open.authenticate(undefined, soon());
    expect(nobody).toMatchObject({ kind: 'anonymous', roles: ['viewer'] });
    // But wrong ones don't make one anonymous.
    expect(await reasonFor(await token(stranger), open)).toBe('signature');
    await open.close();
  });
});
