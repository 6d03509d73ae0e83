/** Monotonic milliseconds of the machine, not of the process: what two processes noted can be compared. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
