import { signal } from '@preact/signals';
import type { Api } from '../api/api.ts';
import { follow } from '../api/follow.ts';
import { path } from '../api/path.ts';
import type { InstanceDelta, InstanceList } from '../api/wire.ts';
import { connection, heardAt } from './connection.ts';
import { InstanceTable } from './instance-table.ts';

/** The instances of one service, as they are now. */
export class ServiceFeed {
  readonly table = new InstanceTable();
  /** Grows with each change of the table; 0 until the first list. */
  readonly version = signal(0);
  readonly #controller = new AbortController();

  constructor(api: Api, namespace: string, service: string) {
    const url = path`/v1/namespaces/${namespace}/services/${service}/events`;
    const follower = {
      onState: (state: typeof connection.value) => {
        if (!this.#controller.signal.aborted) connection.value = state;
      },
      onHeard: () => {
        heardAt.value = Date.now();
      },
      onEvent: (event: string, data: unknown) => this.#take(event, data),
    };
    void follow(api, url, follower, this.#controller.signal);
  }

  #take(event: string, data: unknown): void {
    if (event === 'list') this.table.replace((data as InstanceList).instances, performance.now());
    else if (event === 'delta') this.table.apply(data as InstanceDelta, performance.now());
    else return;
    this.version.value++;
  }

  close(): void {
    this.#controller.abort();
  }
}
