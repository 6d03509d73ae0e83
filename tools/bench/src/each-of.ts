/** Runs `use` for 0 … count-1, so many at once. */
export async function eachOf(
  count: number,
  atOnce: number,
  use: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    // oxlint-disable-next-line no-await-in-loop -- the next when this one is done
    while (next < count) await use(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
