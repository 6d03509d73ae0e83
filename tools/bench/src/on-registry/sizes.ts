/** How much is measured. */
export interface Sizes {
  readonly isFull: boolean;
  /** Instances that are registered, and listed. */
  readonly list: number;
  /** How often they are listed. */
  readonly lists: number;
  /** Services that are watched at rest, and the instances of each. */
  readonly services: number;
  readonly perService: number;
  /** How long nothing happens, after a moment in which it begins to. */
  readonly restMs: number;
  readonly settleMs: number;
  /** Instances of the service whose changes are seen; how many change a second, and for how long. */
  readonly moving: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Instances of the small list and of the large one, and how often one of them changes. */
  readonly few: number;
  readonly many: number;
  readonly changes: number;
  readonly decodes: number;
}

export const FULL: Sizes = {
  isFull: true,
  list: 1_000,
  lists: 20,
  services: 10,
  perService: 10,
  restMs: 60_000,
  settleMs: 3_000,
  moving: 100,
  perSecond: 25,
  seconds: 12,
  few: 10,
  many: 10_000,
  changes: 10,
  decodes: 20,
};

/** To see that it works. */
export const QUICK: Sizes = {
  isFull: false,
  list: 50,
  lists: 3,
  services: 10,
  perService: 3,
  restMs: 6_000,
  settleMs: 500,
  moving: 10,
  perSecond: 10,
  seconds: 2,
  few: 5,
  many: 100,
  changes: 2,
  decodes: 3,
};
