/** What the ejector knows of one instance. */
export class Record {
  successes = 0;
  failures = 0;
  failuresInRow = 0;
  /** Times that it was ejected; one less for each interval without. */
  ejections = 0;
  /** Until when, in monotonic milliseconds; 0: it isn't. Infinite while an active check says that it is ill. */
  ejectedUntil = 0;
}
