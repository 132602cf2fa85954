/** The speed of a download over its last seconds. */
const WINDOW_MS = 8000;
/** In a shorter time, one burst or a connection that is still speeding up decides the figure, and it jumps. */
const SHORTEST_MS = 2500;

interface Reading {
  readonly atMs: number;
  readonly bytes: number;
}

export class Pace {
  #readings: Reading[] = [];

  /** @param bytes all that has arrived so far */
  note(bytes: number, atMs: number): void {
    // There are fewer than before if a damaged file is fetched again.
    if (bytes < (this.#readings.at(-1)?.bytes ?? 0)) this.forget();
    this.#readings.push({ atMs, bytes });
    const from = this.#readings.findLastIndex((reading) => atMs - reading.atMs >= WINDOW_MS);
    if (from > 0) this.#readings.splice(0, from);
  }

  /** After a pause: the time that passed says nothing about the speed. */
  forget(): void {
    this.#readings = [];
  }

  /** Null until enough is known. */
  get bytesPerSec(): number | null {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (!first || !last || last.atMs - first.atMs < SHORTEST_MS) return null;
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
  }
}
