import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Notice {
  readonly id: string;
  readonly value: string;
  expiresAt: number;
}

/**
 * A registry as one may find it in a company: notices that expire, over HTTP. It knows nothing of Rollcall.
 *
 * | request | does |
 * |---|---|
 * | `PUT /notices?namespace&service&id&ttlMs` | puts a notice up, or replaces it |
 * | `POST /notices?namespace&service&id&ttlMs` | lets it hang for longer; 404 when it is gone |
 * | `DELETE /notices?namespace&service&id` | takes it down |
 * | `GET /notices?namespace&service` | `[["id","value"],…]` |
 * | `GET /services?namespace` | the names of the services that have a notice |
 */
export class Noticeboard {
  readonly #services = new Map<string, { name: string; namespace: string; notices: Map<string, Notice> }>();
  #server: Server | undefined;
  #silent = false;

  /** @param port 0 takes a free one. @returns the URL. */
  async listen(port: number): Promise<string> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** While it is silent, it takes requests and answers none, ever. */
  setSilent(silent: boolean): void {
    this.#silent = silent;
    if (!silent) this.#server?.closeAllConnections();
  }

  /** Puts a notice up from behind the counter. */
  put(namespace: string, service: string, id: string, value: string, ttlMs: number): void {
    const notices = this.#notices(namespace, service);
    notices.set(id, { id, value, expiresAt: performance.now() + ttlMs });
  }

  /** Takes one down from behind the counter. */
  remove(namespace: string, service: string, id: string): void {
    this.#notices(namespace, service).delete(id);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://noticeboard');
    const query = (name: string): string => searchParams.get(name) ?? '';
    const [namespace, service, id, ttlMs] = [
      query('namespace'),
      query('service'),
      query('id'),
      Number(query('ttlMs')),
    ];
    const body = await text(request);
    if (this.#silent) return;
    const notice = this.#notices(namespace, service).get(id);
    switch (`${request.method} ${pathname}`) {
      case 'PUT /notices':
        this.put(namespace, service, id, body, ttlMs);
        return void response.end();
      case 'POST /notices':
        if (notice) notice.expiresAt = performance.now() + ttlMs;
        return void response.writeHead(notice ? 200 : 404).end();
      case 'DELETE /notices':
        this.remove(namespace, service, id);
        return void response.end();
      case 'GET /notices': {
        const notices = [...this.#notices(namespace, service).values()];
        return void response.end(JSON.stringify(notices.map(({ id: name, value }) => [name, value])));
      }
      case 'GET /services':
        return void response.end(JSON.stringify(this.#names(namespace)));
      default:
        return void response.writeHead(400).end();
    }
  }

  /** What hangs there for a service now. */
  #notices(namespace: string, service: string): Map<string, Notice> {
    const key = JSON.stringify([namespace, service]);
    const found = this.#services.get(key) ?? { name: service, namespace, notices: new Map<string, Notice>() };
    this.#services.set(key, found);
    for (const notice of found.notices.values())
      if (notice.expiresAt <= performance.now()) found.notices.delete(notice.id);
    return found.notices;
  }

  #names(namespace: string): string[] {
    return [...this.#services.values()]
      .filter((one) => one.namespace === namespace && this.#notices(namespace, one.name).size > 0)
      .map(({ name }) => name);
  }
}
