import { RegistryError, type RegistryErrorCode } from '@rollcall/core';
import { isObject, parseJsonObject } from '@rollcall/core/dialects';
import type { HttpAnswer } from '@rollcall/core/network';

/** What a gateway says where something went wrong (https://www.rfc-editor.org/rfc/rfc9457). */
export interface Problem {
  readonly status: number;
  readonly code: RegistryErrorCode | undefined;
  readonly detail: string;
  readonly field: string | undefined;
}

/** The codes that mean the same on both sides. What is closed or aborted over there is not so here. */
const SHARED_CODES = [
  'INVALID_ARGUMENT',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'LEASE_LOST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'UNSUPPORTED',
  'PROTOCOL',
] as const satisfies readonly RegistryErrorCode[];

/** The most characters of an answer that a message has. */
const MOST_SAID = 300;

/** Reads an answer, or the event `end` of a stream; `undefined` where it is none. */
export function readProblem(text: string, status?: number): Problem | undefined {
  let raw: unknown;
  try {
    raw = parseJsonObject(text);
  } catch {
    return undefined;
  }
  if (!isObject(raw)) return undefined;
  const { detail, title, code, field } = raw;
  const said = [detail, title].find((each) => typeof each === 'string');
  const ofAnswer = status ?? raw['status'];
  if (said === undefined || typeof ofAnswer !== 'number') return undefined;
  return {
    status: ofAnswer,
    code: SHARED_CODES.find((shared) => shared === code),
    detail: brief(said),
    field: typeof field === 'string' ? field : undefined,
  };
}

/** What an answer of 500 or above says, in few words. */
export function saidBy({ text, status }: HttpAnswer): string {
  return readProblem(text, status)?.detail ?? (brief(text) || 'nothing more');
}

/**
 * What an answer that is no success means.
 *
 * @param doing what was being done, such as `register user-service/7 at the gateway`; it starts the message.
 */
export function refusal({ status, text, server }: HttpAnswer, doing: string): RegistryError {
  const problem = readProblem(text, status);
  if (problem) return problemError(problem, server, doing);
  const code = codeOf(status);
  const message = `${doing}: ${server} answers ${status}: ${brief(text) || 'nothing more'}; ${adviceOn(status, code)}`;
  return new RegistryError(code, message);
}

export function problemError(
  { status, code = codeOf(status), detail, field }: Problem,
  server: string,
  doing: string,
): RegistryError {
  const said = detail.replace(/[.;:]$/u, '');
  const advice = MENDED_HERE.has(code) || status === 429 ? adviceOn(status, code) : '';
  const message = `${doing}: the gateway at ${server} says: ${said}${advice && `; ${advice}`}`;
  return new RegistryError(code, message, field === undefined ? {} : { field });
}

function codeOf(status: number): RegistryErrorCode {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'PERMISSION_DENIED';
    case 400:
    case 413:
    case 414:
    case 422:
    case 431:
      return 'INVALID_ARGUMENT';
    // Somebody else's change came between; too many requests; not before a deadline of its own.
    case 408:
    case 409:
    case 412:
    case 425:
    case 429:
      return 'UNAVAILABLE';
    case 501:
      return 'UNSUPPORTED';
    default:
      return status >= 500 ? 'UNAVAILABLE' : 'PROTOCOL';
  }
}

function adviceOn(status: number, code: RegistryErrorCode): string {
  if (status === 429) return 'it is asked too often: ask for fewer services, or raise its limits';
  return (status === 413 ? 'make the instance smaller' : ADVICE[code]) ?? '';
}

const ADVICE: Readonly<Partial<Record<RegistryErrorCode, string>>> = {
  UNAUTHENTICATED: 'check token or tokenFile',
  PERMISSION_DENIED: 'give this token’s subject a role that may, in the gateway’s policy',
  LEASE_LOST: 'register again',
  PROTOCOL: 'is it a Rollcall gateway? check urls',
};

/** What a gateway can't say how to mend. */
const MENDED_HERE: ReadonlySet<RegistryErrorCode> = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED']);

function brief(text: string): string {
  // First cut, so that 50 MB are not rewritten.
  return text
    .slice(0, 4 * MOST_SAID)
    .trim()
    .replaceAll(/\s+/gu, ' ')
    .slice(0, MOST_SAID);
}
