/** A path into a tree of plain objects and arrays. */
export type Path = readonly PropertyKey[];

/** An object that is only data: what a configuration is made of. Class instances and buffers are values, not trees. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // `Object.prototype` of another realm counts too: a loader or a test runner may run a configuration file in one.
  return prototype === null || (typeof prototype === 'object' && Object.hasOwn(prototype, 'isPrototypeOf'));
}

/** What stands at a path; `undefined` where the path leads nowhere. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** A tree with one value put at a path. What stands in the way and isn't an object is replaced. */
export function withValueAt(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object = isPlainObject(tree) ? tree : {};
  return { ...object, [key]: withValueAt(valueAt(object, [key]), rest, value) };
}

/** `over` on top of `base`: objects are merged key by key, anything else replaces. `undefined` is as if absent. */
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isPlainObject(over)) return over;
  const under = isPlainObject(base) ? base : {};
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  // `fromEntries` defines own properties, so a key named `__proto__` is data and nothing else.
  return Object.fromEntries(
    [...keys]
      .map((key) => [key, merge(valueAt(under, [key]), valueAt(over, [key]))] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** Freezes a tree all the way down. Class instances and buffers in it are left as they are. */
export function deepFreeze<T>(tree: T): T {
  if (Array.isArray(tree) || isPlainObject(tree)) {
    for (const value of Object.values(tree)) deepFreeze(value);
    Object.freeze(tree);
  }
  return tree;
}

/** A path as people write it: `registry.options.endpoints[0]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}
