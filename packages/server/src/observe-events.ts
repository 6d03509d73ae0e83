import type { EventEmitter } from 'node:events';

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

/**
 * Sees every event of a server before its listeners do. Where `before` returns true they don't get it.
 *
 * It is `emit` that is replaced, because a listener would change the server: one for `upgrade` or `checkContinue` takes
 * those requests over, and one for `request` puts an HTTP/2 server into its compatibility mode.
 *
 * @returns the function that ends it. What others put over it meanwhile stays.
 */
export function observeEvents(
  emitter: EventEmitter,
  before: (event: string | symbol, args: readonly unknown[]) => boolean | void,
): () => void {
  const target = emitter as unknown as { emit: Emit };
  const inherited = !Object.hasOwn(target, 'emit');
  const emit = target.emit;
  let on = true;
  const observed: Emit = function (this: unknown, event, ...args) {
    if (on && before(event, args) === true) return true;
    return emit.call(this, event, ...args);
  };
  target.emit = observed;
  return () => {
    on = false;
    if (target.emit !== observed) return;
    if (inherited) delete (target as Partial<typeof target>).emit;
    else target.emit = emit;
  };
}

/** Calls `before` whenever the method is called. @returns the function that ends it. */
export function observeCalls<Name extends string>(
  target: Record<Name, (...args: never[]) => unknown>,
  name: Name,
  before: () => void,
): () => void {
  const inherited = !Object.hasOwn(target, name);
  const method = target[name];
  let on = true;
  const observed = function (this: unknown, ...args: never[]) {
    if (on) before();
    return method.apply(this, args);
  };
  target[name] = observed;
  return () => {
    on = false;
    if (target[name] !== observed) return;
    if (inherited) delete (target as Partial<typeof target>)[name];
    else target[name] = method;
  };
}
