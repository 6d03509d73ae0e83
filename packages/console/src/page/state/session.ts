import { signal } from '@preact/signals';
import { Api } from '../api/api.ts';
import { type ApiError, toApiError } from '../api/api-error.ts';
import type { Me, Verb } from '../api/wire.ts';

/**
 * Who looks at this page.
 *
 * | state | means | goes on to |
 * |---|---|---|
 * | `starting` | the gateway is asked who this is | any |
 * | `unreachable` | it doesn't answer, or can't | `starting` |
 * | `signed-out` | a token is needed; `why` says what was wrong with the last one | `signed-in` |
 * | `signed-in` | | `signed-out` when the token is no longer taken |
 */
export type Session =
  | { readonly is: 'starting' }
  | { readonly is: 'unreachable'; readonly error: ApiError }
  | { readonly is: 'signed-out'; readonly why: string | undefined }
  | { readonly is: 'signed-in'; readonly me: Me; readonly api: Api; readonly byToken: boolean };

export const session = signal<Session>({ is: 'starting' });

/** In this tab only, and until it is closed. */
const KEY = 'rollcall.token';

/** Goes on with the token of this tab, or as anybody may. */
export async function resume(): Promise<void> {
  session.value = { is: 'starting' };
  await enter(savedToken());
}

/** Resolves to what was wrong with the token, or `undefined`. */
export async function signIn(token: string): Promise<string | undefined> {
  const state = await attempt(token);
  if (state.is !== 'signed-in') return state.is === 'signed-out' ? state.why : state.error.message;
  sessionStorage.setItem(KEY, token);
  session.value = state;
  return undefined;
}

/** Forgets the token. What is open for everybody is still shown. */
export async function signOut(why?: string): Promise<void> {
  sessionStorage.removeItem(KEY);
  session.value = { is: 'signed-out', why };
}

/** Whether this person may do that in that namespace, as far as the gateway told: it decides again each time. */
export function may(me: Me, verb: Verb, namespace: string): boolean {
  const verbs = me.namespaces.find(({ name }) => name === namespace)?.verbs ?? [];
  return verbs.includes(verb) || verbs.includes('admin');
}

function savedToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

async function enter(token: string | undefined): Promise<void> {
  session.value = await attempt(token);
}

async function attempt(token: string | undefined): Promise<Exclude<Session, { is: 'starting' }>> {
  const api = new Api(token);
  try {
    const { body: me } = await api.get<Me>('/v1/me');
    if (token === undefined && me.kind === 'anonymous' && me.namespaces.length === 0)
      return { is: 'signed-out', why: undefined };
    api.onUnauthenticated = (error) => void signOut(error.message);
    return { is: 'signed-in', me, api, byToken: token !== undefined };
  } catch (thrown) {
    const error = toApiError(thrown);
    if (error.status === 401 || error.status === 403)
      return { is: 'signed-out', why: token === undefined ? undefined : error.message };
    return { is: 'unreachable', error };
  }
}
