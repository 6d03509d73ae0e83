import type { JSX } from 'preact';
import { Notice } from '../parts/notice.tsx';
import { resume, session } from '../state/session.ts';
import { Frame } from './frame.tsx';
import { SignIn } from './sign-in.tsx';

export function App(): JSX.Element {
  const state = session.value;
  if (state.is === 'signed-in') return <Frame session={state} />;
  if (state.is === 'signed-out') return <SignIn why={state.why} />;
  if (state.is === 'starting') return <main class="alone" aria-busy="true" />;
  return (
    <main class="alone">
      <Notice title="The gateway can’t be reached" alert>
        <p>{state.error.message}</p>
        <p>
          <button type="button" class="primary" onClick={() => void resume()}>
            Try again
          </button>
        </p>
      </Notice>
    </main>
  );
}
