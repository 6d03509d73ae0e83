import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { portOf, serve } from './answering.ts';

export type Kind = 'all' | 'changes' | 'app' | 'instance' | 'register' | 'beat' | 'remove';

/** What stands in the way of an answer: gives another, or `undefined` to let it through. */
export type Alter = (
  kind: Kind,
  text: string,
) => { readonly status?: number; readonly text: string } | undefined;

/** A proxy before Eureka that counts requests by what they ask for, and changes answers where it is told to. */
export class RecordingProxy {
  readonly url: string;
  readonly #counts = new Map<Kind, number>();
  #alter: Alter = () => undefined;

  static async start(target: string): Promise<RecordingProxy> {
    const server = createServer((incoming, outgoing) => {
      proxy.#pass(new URL(target).origin, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await serve(server);
    const proxy = new RecordingProxy(`http://127.0.0.1:${portOf(server)}/eureka`);
    return proxy;
  }

  private constructor(url: string) {
    this.url = url;
  }

  count(kind: Kind): number {
    return this.#counts.get(kind) ?? 0;
  }

  alter(alter: Alter): void {
    this.#alter = alter;
  }

  async #pass(origin: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const kind = kindOf(incoming);
    this.#counts.set(kind, this.count(kind) + 1);
    const { 'content-type': type, accept } = incoming.headers;
    const onward = request(origin + incoming.url, {
      method: incoming.method,
      agent: false,
      headers: {
        ...(type !== undefined && { 'content-type': type }),
        ...(accept !== undefined && { accept }),
      },
    });
    onward.end(await buffer(incoming));
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      onward.on('response', resolve).on('error', reject),
    );
    const text = (await buffer(answer)).toString();
    const altered = this.#alter(kind, text);
    outgoing.writeHead(altered?.status ?? answer.statusCode ?? 502).end(altered?.text ?? text);
  }
}

function kindOf({ method, url = '' }: IncomingMessage): Kind {
  const path = url.split('?')[0]?.split('/').slice(3) ?? [];
  if (method === 'POST') return 'register';
  if (method === 'PUT') return 'beat';
  if (method === 'DELETE') return 'remove';
  if (path.length === 0) return 'all';
  if (path[0] === 'delta') return 'changes';
  return path.length === 1 ? 'app' : 'instance';
}
