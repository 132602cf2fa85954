/** Files that are on their way to this device while the page can be used. */
export interface Transfer {
  /** What is fetched, how much of it has arrived, and how long it will take. */
  readonly text: string;
  /** From 0 to 1; null if nobody knows how much is left. */
  readonly fraction: number | null;
}
