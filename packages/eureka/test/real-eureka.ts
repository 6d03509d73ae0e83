import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { EntryPlace } from '../src/eureka-servers.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What an operator or another client does with a Eureka server, by its REST operations. */
export class Operator {
  readonly #root: string;

  /** @param server such as `http://127.0.0.1:8761/eureka`. */
  constructor(server: string) {
    this.#root = server;
  }

  /** Registers what it is given: `app`, `instanceId` and whatever else replaces what is usual. */
  async post(
    info: { readonly app: string; readonly instanceId: string } & Record<string, unknown>,
  ): Promise<void> {
    const instance = { ...USUAL, ...info };
    expectSuccess(await this.#call('POST', ['apps', info.app], JSON.stringify({ instance })));
  }

  async remove({ app, instanceId }: EntryPlace): Promise<void> {
    expectSuccess(await this.#call('DELETE', ['apps', app, instanceId]));
  }

  async setStatus({ app, instanceId }: EntryPlace, status: string): Promise<void> {
    expectSuccess(
      await this.#call('PUT', ['apps', app, instanceId, 'status'], undefined, `?value=${status}`),
    );
  }

  async removeStatus({ app, instanceId }: EntryPlace): Promise<void> {
    expectSuccess(await this.#call('DELETE', ['apps', app, instanceId, 'status']));
  }

  /** What stands there, past the cache; `undefined` for nothing. */
  async read({ app, instanceId }: EntryPlace): Promise<Record<string, unknown> | undefined> {
    const answer = await this.#call('GET', ['apps', app, instanceId]);
    if (answer.status === 404) return undefined;
    expectSuccess(answer);
    return (JSON.parse(answer.text) as { instance: Record<string, unknown> }).instance;
  }

  async #call(method: string, path: readonly string[], body?: string, query = ''): Promise<Answer> {
    const url = `${this.#root}/${path.map(encodeURIComponent).join('/')}${query}`;
    const outgoing = request(url, {
      method,
      agent: false,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, text: await text(incoming) };
  }
}

const USUAL = {
  hostName: '10.0.0.9',
  ipAddr: '10.0.0.9',
  status: 'UP',
  port: { $: 8080, '@enabled': 'true' },
  dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
};

function expectSuccess({ status, text: body }: Answer): void {
  if (status < 200 || status >= 300) throw new Error(`Eureka answered ${status}: ${body}`);
}
