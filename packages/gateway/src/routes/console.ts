import type { FastifyInstance } from 'fastify';
import { matches } from '../preconditions.ts';
import { problem } from '../problem.ts';

/** What `@rollcall/console` exports. */
interface ConsoleModule {
  consoleFiles(): Promise<
    ReadonlyMap<string, { readonly contentType: string; readonly etag: string; readonly body: Uint8Array }>
  >;
  readonly CONSOLE_HEADERS: Readonly<Record<string, string>>;
}

/** Named by a variable: whoever doesn't want the page needn't install it. */
const PACKAGE = '@rollcall/console';

/** Serves the page under `/console/`, where its package is installed. @returns whether it is. */
export async function addConsole(app: FastifyInstance): Promise<boolean> {
  const page = await loadConsole();
  if (!page) {
    const detail = `The console is not installed here: npm install ${PACKAGE}, and start the gateway again.`;
    app.get('/console/', () => {
      throw problem('not-found', detail);
    });
    return false;
  }
  const files = await page.consoleFiles();
  app.get('/', (_request, reply) => reply.redirect('/console/'));
  app.get('/console', (_request, reply) => reply.redirect('/console/'));
  app.get<{ Params: { '*': string } }>('/console/*', (request, reply) => {
    const file = files.get(request.params['*'] || 'index.html');
    if (!file) throw problem('not-found', 'The console has no such file.');
    reply.headers(page.CONSOLE_HEADERS).header('etag', file.etag);
    const known = request.headers['if-none-match'];
    if (known !== undefined && matches(known, file.etag)) return reply.code(304).send();
    return reply.type(file.contentType).send(file.body);
  });
  return true;
}

async function loadConsole(): Promise<ConsoleModule | undefined> {
  try {
    return (await import(PACKAGE)) as ConsoleModule;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
