import { RegistryError, type RegistryErrorCode } from '@rollcall/core';

/** Problem details of RFC 9457, with Rollcall's error code. */
export interface Problem {
  /** `urn:rollcall:problem:<slug>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: RegistryErrorCode;
  /** The input at fault. */
  readonly field?: string;
}

/** An answer that isn't the one that was asked for. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(details: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(details.detail);
    this.problem = details;
    this.headers = headers;
  }
}

const KINDS = {
  'bad-request': { status: 400, title: 'The request is not valid', code: 'INVALID_ARGUMENT' },
  unauthenticated: { status: 401, title: 'Credentials are needed', code: 'UNAUTHENTICATED' },
  forbidden: { status: 403, title: 'Not allowed', code: 'PERMISSION_DENIED' },
  'not-found': { status: 404, title: 'There is nothing here', code: 'INVALID_ARGUMENT' },
  'lease-lost': { status: 404, title: 'The lease is not known', code: 'LEASE_LOST' },
  'method-not-allowed': { status: 405, title: 'Not this method', code: 'INVALID_ARGUMENT' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive', code: 'DEADLINE_EXCEEDED' },
  'precondition-failed': { status: 412, title: 'It changed meanwhile', code: 'INVALID_ARGUMENT' },
  'too-large': { status: 413, title: 'The body is too large', code: 'INVALID_ARGUMENT' },
  'unsupported-media-type': { status: 415, title: 'The body is not JSON', code: 'INVALID_ARGUMENT' },
  'misdirected-request': { status: 421, title: 'Not the host that was asked for', code: 'PERMISSION_DENIED' },
  'too-many-requests': { status: 429, title: 'Too many requests', code: 'UNAVAILABLE' },
  'headers-too-large': { status: 431, title: 'The headers are too large', code: 'INVALID_ARGUMENT' },
  internal: { status: 500, title: 'The gateway failed', code: 'PROTOCOL' },
  unsupported: { status: 501, title: 'The registry behind can’t do that', code: 'UNSUPPORTED' },
  'bad-gateway': { status: 502, title: 'The registry behind failed', code: 'PROTOCOL' },
  unavailable: { status: 503, title: 'The registry behind can’t be reached', code: 'UNAVAILABLE' },
  closing: { status: 503, title: 'The gateway is leaving', code: 'UNAVAILABLE' },
  'gateway-timeout': { status: 504, title: 'The registry behind took too long', code: 'DEADLINE_EXCEEDED' },
} as const satisfies Record<string, { status: number; title: string; code: RegistryErrorCode }>;

export type ProblemKind = keyof typeof KINDS;

export interface ProblemOptions {
  readonly field?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param detail what is wrong and what to do, for a person. */
export function problem(kind: ProblemKind, detail: string, options: ProblemOptions = {}): HttpProblem {
  const { status, title, code } = KINDS[kind];
  const { field, headers = {} } = options;
  return new HttpProblem(
    {
      type: `urn:rollcall:problem:${kind}`,
      title,
      status,
      detail,
      code,
      ...(field !== undefined && { field }),
    },
    headers,
  );
}

/** What the registry behind answers with, as an answer over HTTP. */
const BY_CODE: Readonly<Record<RegistryErrorCode, ProblemKind>> = {
  INVALID_ARGUMENT: 'bad-request',
  INVALID_CONFIG: 'internal',
  UNAVAILABLE: 'unavailable',
  DEADLINE_EXCEEDED: 'gateway-timeout',
  LEASE_LOST: 'unavailable',
  // The gateway's own credentials are meant: the caller can't mend them.
  UNAUTHENTICATED: 'bad-gateway',
  PERMISSION_DENIED: 'bad-gateway',
  UNSUPPORTED: 'unsupported',
  PROTOCOL: 'bad-gateway',
  ABORTED: 'closing',
  CLOSED: 'closing',
};

/** How long a client waits before it asks again, in seconds. */
const RETRY_AFTER = { 'retry-after': '1' };

/** The answer for whatever was thrown. What isn't known is told as little as possible: it goes to the log. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof RegistryError) {
    if ('challenge' in error && typeof error.challenge === 'string')
      return problem('unauthenticated', error.message, { headers: { 'www-authenticate': error.challenge } });
    const kind = BY_CODE[error.code];
    const { field } = error;
    return problem(kind, error.message, { field, headers: KINDS[kind].status === 503 ? RETRY_AFTER : {} });
  }
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  const kind = FASTIFY_STATUS.get(status);
  if (kind !== undefined) return problem(kind, (error as Error).message);
  return problem('internal', 'This is not your fault. The log of the gateway says more.');
}

/** What Fastify itself refuses with. */
const FASTIFY_STATUS: ReadonlyMap<unknown, ProblemKind> = new Map([
  [400, 'bad-request'],
  [404, 'not-found'],
  [405, 'method-not-allowed'],
  [408, 'request-timeout'],
  [413, 'too-large'],
  [414, 'bad-request'],
  [415, 'unsupported-media-type'],
  [431, 'headers-too-large'],
]);
