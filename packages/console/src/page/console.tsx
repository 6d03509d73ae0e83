import { render } from 'preact';
import { resume } from './state/session.ts';
import { App } from './views/app.tsx';

render(<App />, document.body);
void resume();
