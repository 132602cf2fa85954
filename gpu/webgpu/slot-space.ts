/** Gives texts of a batch stretches of the slots that they have in common. */
export class SlotSpace {
  readonly #slots: number;
  /** By first slot. */
  readonly #taken: { readonly first: number; readonly slots: number }[] = [];

  constructor(slots: number) {
    this.#slots = slots;
  }

  /**
   * Takes the first stretch that is long enough.
   *
   * @returns its first slot, or null if none is
   */
  take(slots: number): number | null {
    let first = 0;
    let index = 0;
    for (const next of this.#taken) {
      if (next.first - first >= slots) break;
      first = next.first + next.slots;
      index++;
    }
    if (first + slots > this.#slots) return null;
    this.#taken.splice(index, 0, { first, slots });
    return first;
  }

  /** Gives back the stretch that begins at a slot. */
  free(first: number): void {
    const index = this.#taken.findIndex((stretch) => stretch.first === first);
    if (index >= 0) this.#taken.splice(index, 1);
  }
}
