/** Edits of one kind that follow each other faster than this are one step of undo: typing a word, holding an arrow key. */
const SAME_STEP_MS = 900;
const STEPS_KEPT = 200;

/** Undo and redo of a text that several controls edit. */
export class EditHistory {
  #past = $state.raw<readonly string[]>([]);
  #future = $state.raw<readonly string[]>([]);
  #lastKind = '';
  #lastMs = -Infinity;

  readonly canUndo = $derived(this.#past.length > 0);
  readonly canRedo = $derived(this.#future.length > 0);

  /** Records the text before an edit. */
  record(before: string, kind: string, nowMs: number): void {
    const sameStep = kind === this.#lastKind && nowMs - this.#lastMs < SAME_STEP_MS && this.canUndo;
    if (!sameStep) this.#past = [...this.#past, before].slice(-STEPS_KEPT);
    this.#future = [];
    this.#lastKind = kind;
    this.#lastMs = nowMs;
  }

  /** The text before the last step, or null if there is none. */
  undo(current: string): string | null {
    const before = this.#past.at(-1);
    if (before === undefined) return null;
    this.#past = this.#past.slice(0, -1);
    this.#future = [current, ...this.#future];
    this.#lastKind = '';
    return before;
  }

  /** The text that the last undo replaced, or null if there is none. */
  redo(current: string): string | null {
    const [after, ...later] = this.#future;
    if (after === undefined) return null;
    this.#future = later;
    this.#past = [...this.#past, current];
    this.#lastKind = '';
    return after;
  }

  clear(): void {
    this.#past = [];
    this.#future = [];
    this.#lastKind = '';
  }
}
