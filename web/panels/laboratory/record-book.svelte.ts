import { isFinal, type ItemRecord } from '../../../worker/laboratory/records.ts';

/** How often the page hears of new records. */
const TOLD_EVERY_MS = 250;

/**
 * The records of an experiment, and how many there are of each measure in each row. Adding one costs the same however many
 * there are: the page hears of new ones a few times a second, and nothing is copied.
 */
export class RecordBook {
  #records: ItemRecord[] = [];
  readonly #counts = new Map<string, number>();
  /** Changes when the page is told. */
  #told = $state(0);
  #telling: ReturnType<typeof setTimeout> | null = null;

  /** In the order in which they came. The list grows, and is always the same one. */
  get all(): readonly ItemRecord[] {
    void this.#told;
    return this.#records;
  }

  /** How many items need not be measured again. */
  get done(): number {
    void this.#told;
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  countOf(row: number, measure: string): number {
    void this.#told;
    return this.#counts.get(cellKey(row, measure)) ?? 0;
  }

  replace(records: readonly ItemRecord[]): void {
    this.#records = [...records];
    this.#counts.clear();
    for (const record of records) this.#count(record);
    this.tell();
  }

  add(record: ItemRecord): void {
    this.#records.push(record);
    this.#count(record);
    this.#telling ??= setTimeout(() => {
      this.tell();
    }, TOLD_EVERY_MS);
  }

  /** Tells the page at once. */
  tell(): void {
    if (this.#telling !== null) clearTimeout(this.#telling);
    this.#telling = null;
    this.#told++;
  }

  #count(record: ItemRecord): void {
    if (!isFinal(record)) return;
    const { row, measure } = record;
    const cell = cellKey(row, measure);
    this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + 1);
  }
}

const cellKey = (row: number, measure: string) => `${row} ${measure}`;
