/** So many reads are under way at once. */
const AT_ONCE = 8;

/** Reads something for each item, a few at once, in the order of the items. Fails with the first that fails. */
export async function readEach<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Map<number, Result>();
  const left = items.entries();
  const worker = async (): Promise<void> => {
    // All workers draw from one iterator.
    for (const [at, item] of left) results.set(at, await read(item));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return items.map((_, at) => results.get(at) as Result);
}
