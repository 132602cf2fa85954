import { isFull, openSpace, type Key } from '../../worker/storage/space.ts';
import type { Run } from './run.ts';
import { speedsOf, type Speeds } from './speeds.ts';
import { LONGEST_NAME, storedRunOf, type StoredRun } from './stored-run.ts';
import { words } from './words.ts';

const MOST_RUNS = 500;

const space = openSpace('runs', (value): value is unknown => value !== undefined);

/** The runs of this visit and of earlier ones. A run that the storage refuses is kept until the page is closed. */
export class RunLibrary {
  /** Newest first. */
  all = $state.raw<readonly StoredRun[]>([]);
  /** The run that was deleted last, and can be taken back; null if there is none. */
  removed = $state.raw<StoredRun | null>(null);
  /** Kept values that are no runs, or not of a form that this version knows. */
  unreadable = $state(0);
  #unreadableKeys: readonly Key[] = [];
  /** Why runs do not survive a reload; null if they do. */
  trouble = $state.raw<string | null>(null);

  /** Reads the runs of earlier visits. */
  async restore(): Promise<void> {
    try {
      const entries = await space.entries();
      if (entries.length === 0) return;
      const { readStoredRun } = await import('./read-stored-run.ts');
      const keysOfOthers: Key[] = [];
      const found = entries.flatMap(([key, run]) => {
        const read = readStoredRun(run);
        // Under another key it could stand here twice, and never be deleted.
        if (read && key.length === 1 && read.id === key[0]) return [read];
        keysOfOthers.push(key);
        return [];
      });
      this.#unreadableKeys = keysOfOthers;
      this.unreadable = keysOfOthers.length;
      const here = new Set(this.all.map(({ id }) => id));
      this.all = newestFirst([...this.all, ...found.filter(({ id }) => !here.has(id))]);
    } catch (error) {
      this.#reportTrouble(error);
    }
  }

  /** @returns the run as it is kept; null for a run without figures */
  record(run: Run, text: string): StoredRun | null {
    const stored = storedRunOf(run, text, Date.now());
    if (!stored) return null;
    this.all = newestFirst([stored, ...this.all]);
    void this.#keep(() => space.set([stored.id], stored));
    const tooMany = this.all.filter(({ pinned }) => !pinned).slice(MOST_RUNS);
    for (const { id } of tooMany) void this.#drop(id);
    return stored;
  }

  /**
   * Keeps another text of a run in the place of what is kept of it, under the same name.
   *
   * @returns the run as it is kept now; null if it is kept no more
   */
  rewrite(id: string, run: Run, text: string): StoredRun | null {
    const kept = this.all.find((each) => each.id === id);
    const stored = kept && storedRunOf(run, text, kept.endedAt);
    if (!kept || !stored) return null;
    this.#change(id, { ...stored, name: kept.name, pinned: kept.pinned });
    return this.all.find((each) => each.id === id) ?? null;
  }

  /** The speeds of a run and of the last runs of the same set-up. */
  speedsOf(run: StoredRun): Speeds {
    return speedsOf(run, this.all);
  }

  rename(id: string, name: string): void {
    this.#change(id, { name: name.trim().slice(0, LONGEST_NAME) });
  }

  pin(id: string, pinned: boolean): void {
    this.#change(id, { pinned });
  }

  /** Deletes a run, which can be taken back until the next one is deleted. */
  async remove(id: string): Promise<void> {
    const removed = this.all.find((run) => run.id === id) ?? null;
    await this.#drop(id);
    this.removed = removed;
  }

  /** Puts the run that was deleted last back. */
  takeBack(): void {
    const { removed } = this;
    if (!removed) return;
    this.removed = null;
    this.all = newestFirst([removed, ...this.all.filter(({ id }) => id !== removed.id)]);
    void this.#keep(() => space.set([removed.id], removed));
  }

  /** Deletes what {@link restore} could not read. */
  async removeUnreadable(): Promise<void> {
    const keys = this.#unreadableKeys;
    await this.#keep(async () => {
      for (const key of keys) await space.removeOnly(key);
    });
    this.#unreadableKeys = [];
    this.unreadable = 0;
  }

  /** The run leaves the list only after the device has deleted it, so that it cannot come back after a reload. */
  async #drop(id: string): Promise<void> {
    await this.#keep(() => space.remove([id]));
    this.all = this.all.filter((run) => run.id !== id);
  }

  #change(id: string, changes: Partial<StoredRun>): void {
    this.all = this.all.map((run) => (run.id === id ? { ...run, ...changes } : run));
    const changed = this.all.find((run) => run.id === id);
    if (changed) void this.#keep(() => space.set([id], changed));
  }

  async #keep(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#reportTrouble(error);
    }
  }

  #reportTrouble(error: unknown): void {
    this.trouble = isFull(error) ? words.deviceFull : words.nothingStored;
  }
}

const newestFirst = (runs: readonly StoredRun[]) => runs.toSorted((a, b) => b.endedAt - a.endedAt);
