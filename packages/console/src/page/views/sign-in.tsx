import type { JSX, TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { Brand } from '../parts/brand.tsx';
import { signIn } from '../state/session.ts';

/** Asks for a token. It is kept for this tab, goes into a header, and never into an address. */
export function SignIn({ why }: { readonly why: string | undefined }): JSX.Element {
  const [problem, setProblem] = useState(why);
  const [busy, setBusy] = useState(false);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    if (typeof token !== 'string' || token.trim() === '') return;
    setBusy(true);
    const refused = await signIn(token.trim().replace(/^bearer\s+/iu, ''));
    setBusy(false);
    setProblem(refused);
  };

  return (
    <main class="alone">
      <form class="sign-in" onSubmit={(event) => void submit(event)}>
        <Brand />
        <h1>Sign in</h1>
        <label for="token">Token or API key</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          aria-describedby="token-about"
          aria-invalid={problem !== undefined}
        />
        <p id="token-about" class="dim">
          A JSON Web Token of your identity provider, or a key <code>rck_…</code>. It stays in this tab until
          you close it or sign out.
        </p>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
