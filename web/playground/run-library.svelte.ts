import { isFull, openSpace } from '../../worker/storage/space.ts';
import type { Run } from './run.ts';
import { isStoredRun, LONGEST_NAME, storedRunOf, type StoredRun } from './stored-run.ts';

const MOST_RUNS = 500;

const space = openSpace('runs', isStoredRun);

/** The runs of this visit and of earlier ones. What the storage refuses is kept until the page is closed, and said. */
export class RunLibrary {
  /** The latest first. */
  all = $state.raw<readonly StoredRun[]>([]);
  /** Why runs are not kept over a reload; null where they are. */
  trouble = $state.raw<string | null>(null);

  /** Brings back what earlier visits left. */
  async restore(): Promise<void> {
    try {
      const found = (await space.entries()).map(([, run]) => run);
      const here = new Set(this.all.map(({ id }) => id));
      this.all = newestFirst([...this.all, ...found.filter(({ id }) => !here.has(id))]);
    } catch (error) {
      this.#say(error);
    }
  }

  record(run: Run, text: string): void {
    const stored = storedRunOf(run, text, Date.now());
    if (!stored) return;
    this.all = newestFirst([stored, ...this.all]);
    void this.#keep(() => space.set([stored.id], stored));
    const tooMany = this.all.filter(({ pinned }) => !pinned).slice(MOST_RUNS);
    for (const { id } of tooMany) this.remove(id);
  }

  rename(id: string, name: string): void {
    this.#change(id, { name: name.trim().slice(0, LONGEST_NAME) });
  }

  pin(id: string, pinned: boolean): void {
    this.#change(id, { pinned });
  }

  /** The run leaves the list when the device has forgotten it: what is seen to be gone does not come back. */
  remove(id: string): void {
    void this.#keep(() => space.remove([id])).then(() => {
      this.all = this.all.filter((run) => run.id !== id);
    });
  }

  #change(id: string, changes: Partial<Pick<StoredRun, 'name' | 'pinned'>>): void {
    this.all = this.all.map((run) => (run.id === id ? { ...run, ...changes } : run));
    const changed = this.all.find((run) => run.id === id);
    if (changed) void this.#keep(() => space.set([id], changed));
  }

  async #keep(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    this.trouble = isFull(error)
      ? 'This device has no room left: new runs are kept until the page is closed. Delete some, or export them.'
      : 'This browser stores nothing for the page: runs are kept until it is closed.';
  }
}

const newestFirst = (runs: readonly StoredRun[]) => runs.toSorted((a, b) => b.endedAt - a.endedAt);
