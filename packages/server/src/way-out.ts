/** How one kind of server leaves. Each is called once, in this order. */
export interface WayOut {
  /** How many requests are under way, where that can be known. */
  readonly underWay: number | undefined;
  /** How many were cut at the deadline, where that can be known. */
  readonly cut: number | undefined;
  /** Whether any was cut. */
  readonly wasCut: boolean;
  /** Goes on serving, and asks who calls to come back over another connection. */
  leave(): void;
  /** Takes no new connection. */
  stopAccepting(): Promise<void>;
  /** Resolves when all work has ended, and the server with it. What is left when the signal aborts is cut. */
  finish(cut: AbortSignal): Promise<void>;
  /** Sees nothing of the server any more. */
  release(): void;
}
