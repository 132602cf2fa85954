import type { Failure } from '../../../worker/protocol/failure.ts';
import type { KeptFiles, ShippedFiles } from '../../../worker/protocol/keep.ts';
import type { ModelEntry } from '../../models/model-index.ts';
import type { HubClient } from './hub-client.ts';

type Client = Pick<HubClient, 'kept' | 'keep' | 'stopKeeping'>;

/** What keeping all shipped models is doing, or how it ended. */
export type Keeping =
  | { readonly at: 'nothing' }
  | { readonly at: 'keeping'; readonly fetchedBytes: number; readonly totalBytes: number | null }
  | { readonly at: 'kept' }
  | { readonly at: 'stopped' }
  | { readonly at: 'failed'; readonly failure: Failure };

/** The models that ship with the page, and which of them open without a network. */
export class Shipped {
  keeping = $state.raw<Keeping>({ at: 'nothing' });
  /** What is kept, by id; null until the worker has answered. */
  #kept = $state.raw<ReadonlyMap<string, KeptFiles> | null>(null);
  /** The last question, and the one that has not been asked yet. */
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  readonly #models: () => readonly ModelEntry[];
  readonly #client: Client;
  /** Models of which some file is missing. */
  readonly incomplete = $derived.by(() =>
    this.#models().filter(({ id }) => (this.#kept?.get(id)?.missing.length ?? 1) > 0),
  );
  /** Bytes that are not kept yet; null if the list of models does not say their sizes. */
  readonly missingBytes = $derived.by((): number | null => {
    let bytes = 0;
    for (const { id, fileBytes } of this.#models()) {
      if (!fileBytes) return null;
      const missing = this.#kept?.get(id)?.missing ?? Object.keys(fileBytes);
      bytes += missing.reduce((sum, file) => sum + (fileBytes[file] ?? 0), 0);
    }
    return bytes;
  });

  /** @param models the shipped models, as far as they are known */
  constructor(models: () => readonly ModelEntry[], client: Client) {
    this.#models = models;
    this.#client = client;
  }

  /** Whether everything is known. */
  get known(): boolean {
    return this.#kept !== null;
  }

  /** Whether all files are kept that opening a model reads. */
  opens(id: string): boolean {
    return this.#kept?.get(id)?.opens ?? false;
  }

  /** Asks again what is kept. Whoever asks while an answer is on its way gets the next one. */
  refresh(): Promise<void> {
    this.#next ??= this.#last = this.#last.then(() => this.#ask());
    return this.#next;
  }

  async #ask(): Promise<void> {
    this.#next = null;
    const outcome = await this.#client.kept(this.#files());
    if (outcome.ok) this.#kept = new Map(outcome.value.map((kept) => [kept.id, kept]));
  }

  /** Keeps what is missing of all models. Does nothing while that is going on. */
  async keepAll(): Promise<void> {
    if (this.keeping.at === 'keeping') return;
    const totalBytes = this.missingBytes;
    this.keeping = { at: 'keeping', fetchedBytes: 0, totalBytes };
    const outcome = await this.#client.keep(this.#files(), ({ fetchedBytes }) => {
      if (this.keeping.at === 'keeping') this.keeping = { at: 'keeping', fetchedBytes, totalBytes };
    });
    await this.refresh();
    this.keeping = outcome.ok
      ? { at: 'kept' }
      : outcome.failure.code === 'cancelled'
        ? { at: 'stopped' }
        : { at: 'failed', failure: outcome.failure };
  }

  stop(): void {
    this.#client.stopKeeping();
  }

  #files(): readonly ShippedFiles[] {
    return this.#models().map(({ id, kernels }) => ({ id, kernels: kernels.map(({ file }) => file) }));
  }
}
