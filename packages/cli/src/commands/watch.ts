import type { ServiceInstance, Snapshot } from '@rollcall/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { listChanges } from '../list-changes.ts';
import { createMember } from '../member.ts';
import { stopSignal } from '../stop-signal.ts';
import { jsonLines, plainLines } from '../watch-lines.ts';
import { liveScreen } from '../watch-screen.ts';
import type { WatchView } from '../watch-view.ts';

export const watch: Command = {
  name: 'watch',
  summary: 'Follows the instances of a service until Ctrl-C',
  operands: 'SERVICE',
  arity: { min: 1, max: 1 },
  needsRegistry: true,
  options: {},
  details: `
  rollcall watch user-service
  rollcall watch user-service --json | jq -c 'select(.event == "gone")'

On a terminal: a table that is drawn in place, with + for what came, ~ for what changed and - for what is gone.
Otherwise one line for each event, the time first; with --json one object a line.
While the registry can't be reached the last list stays, and is said to be stale. Ctrl-C ends it with exit code 0.
`,
  async run(line) {
    const [service = ''] = line.operands;
    const stop = stopSignal();
    let view: WatchView | undefined;
    const { registry, timeoutMs } = await createMember(line, (event) => view?.onEvent(event));
    let failure: unknown;
    try {
      const followed = registry.service(service);
      view = line.flag('json')
        ? jsonLines()
        : process.stdout.isTTY
          ? liveScreen(followed, process.stdout)
          : plainLines();
      const shown = view;
      let before: readonly ServiceInstance[] = [];
      let version = 0;
      const show = (snapshot: Snapshot): void => {
        // The first list is told by `load` and again by the subscription.
        if (snapshot.version === version) return;
        const changes = listChanges(before, snapshot.instances);
        ({ instances: before, version } = snapshot);
        shown.onList(snapshot, changes);
      };
      show(await followed.load({ timeoutMs, signal: stop.signal }));
      for await (const snapshot of followed.changes({ signal: stop.signal })) show(snapshot);
    } catch (error) {
      if (!stop.signal.aborted) failure = error;
    }
    view?.close(failure);
    view = undefined;
    await registry.close().catch(() => {});
    stop.release();
    if (failure !== undefined) throw failure;
    return EXIT.ok;
  },
};
