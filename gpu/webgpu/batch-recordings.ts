import type { BatchBuffers } from './batch-buffers.ts';
import { recordHead, recordLayers, recordSample } from './decode.ts';
import type { StepForward } from './forward.ts';
import type { Recording } from './kernel.ts';
import type { Columns } from './kernels/columns.ts';
import type { Scope } from './memory.ts';

/** What the texts of a batch compute with, buffers apart. */
export type SharedForward = Omit<StepForward, 'session' | 'columns'>;

/** What is replayed for the rows of a step before their tokens are drawn. */
interface RowRecordings {
  readonly layers: Recording;
  readonly head: Recording;
}

/** The steps of a batch: one recording for each number of rows that matrix kernels take at once. */
export class BatchRecordings {
  readonly #shared: SharedForward;
  readonly #buffers: BatchBuffers;
  readonly #scopes = new Map<Columns | 'sample', Scope>();
  readonly #ofRows = new Map<Columns, Promise<RowRecordings>>();
  readonly #sample: Promise<Recording>;

  constructor(shared: SharedForward, buffers: BatchBuffers) {
    this.#shared = shared;
    this.#buffers = buffers;
    this.#sample = this.#record('sample', 1, recordSample);
    this.#sample.catch(() => undefined); // Whoever asks for it hears of the rejection.
  }

  /** Draws the tokens of any number of rows. */
  get sample(): Promise<Recording> {
    return this.#sample;
  }

  /** Recorded when it is first asked for. */
  of(columns: Columns): Promise<RowRecordings> {
    let recordings = this.#ofRows.get(columns);
    if (!recordings) {
      recordings = Promise.all([
        this.#record(columns, columns, recordLayers),
        this.#record(columns, columns, recordHead),
      ]).then(([layers, head]) => ({ layers, head }));
      this.#ofRows.set(columns, recordings);
    }
    return recordings;
  }

  #record(name: Columns | 'sample', columns: Columns, record: typeof recordLayers): Promise<Recording> {
    const { context } = this.#shared;
    const scope = this.#scopes.get(name) ?? context.ledger.scope('batch recordings');
    this.#scopes.set(name, scope);
    const recorder = context.kernels.record(scope);
    record(recorder, { ...this.#shared, session: this.#buffers, columns });
    return recorder.finish();
  }

  /** Bytes that the ledger counts now. */
  get bytes(): number {
    return [...this.#scopes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes after recordings for a single row and, if that is another, for so many columns. */
  bytesFor(columns: Columns): number {
    // Every recording has the same dispatches.
    const [sample, row] = [this.#scopes.get('sample')?.bytes ?? 0, this.#scopes.get(1)?.bytes ?? 0];
    return sample + (columns === 1 ? row : 2 * row);
  }

  free(): void {
    for (const scope of this.#scopes.values()) scope.free();
  }
}
