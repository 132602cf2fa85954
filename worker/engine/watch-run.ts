import type { Session } from '../../gpu/backend.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { Watch, WatchedScores, WatchedStep } from '../protocol/generate.ts';

/** Records what a run's steps feed and compute, and what its stores keep. */
export class RunWatch {
  readonly steps: WatchedStep[] = [];
  readonly #session: Session;
  readonly #watch: Watch | undefined;
  readonly #scored: boolean;
  #fed = 0;
  readonly #afterPrompt: (readonly StoreRows[])[] = [];

  /** @param scored whether the stores keep scores */
  constructor(session: Session, watch: Watch | undefined, scored: boolean) {
    this.#scored = scored;
    this.#session = session;
    this.#watch = watch;
  }

  /** Whether every step is recorded, so that none may run ahead. */
  get everyStep(): boolean {
    return this.#watch?.steps ?? false;
  }

  get scores(): boolean {
    return this.#scored && (this.#watch?.scores ?? false);
  }

  /** Records a step. Call it when the stores were cut. */
  async step(fed: readonly number[], logits: Float32Array): Promise<void> {
    this.#fed += fed.length;
    const kept = await this.#session.rowsHeld();
    this.steps.push({ fed, position: this.#fed - 1, logits: logits.slice(), kept });
  }

  /** Records the scores of a turn's prompt. Call it before the stores are cut. */
  async beforeCut(): Promise<void> {
    this.#afterPrompt.push(await this.#session.rowsHeld());
  }

  /** What the request asked for. */
  async results(): Promise<{ readonly steps?: readonly WatchedStep[]; readonly scores?: WatchedScores }> {
    return {
      ...(this.everyStep && { steps: this.steps }),
      ...(this.scores && {
        scores: { afterPrompt: this.#afterPrompt, atEnd: await this.#session.rowsHeld() },
      }),
    };
  }
}
