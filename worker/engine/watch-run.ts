import type { Session } from '../../gpu/backend.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { Watch, WatchedScores, WatchedStep } from '../protocol/generate.ts';

/** How often the rows of the stores are told. Reading them back makes a GPU wait, so not after every token. */
const ROWS_INTERVAL_MS = 150;
const MOST_STEPS_AT_ONCE = 64;

interface Watched {
  readonly watch: Watch | undefined;
  /** Whether a policy decides what the stores keep. */
  readonly evicts: boolean;
  /** Tokens whose KV the session already holds. */
  readonly heldTokens: number;
  readonly emit: (event: EngineEvent) => void;
}

/** Records what a run's steps feed and compute, and what its stores keep. */
export class RunWatch {
  readonly steps: WatchedStep[] = [];
  readonly #session: Session;
  readonly #watched: Watched;
  #textTokens: number;
  #stepsAtOnce = 1;
  #toldMs = performance.now();
  readonly #afterPrompt: (readonly StoreRows[])[] = [];
  #afterCut: readonly StoreRows[] = [];

  constructor(session: Session, watched: Watched) {
    this.#session = session;
    this.#watched = watched;
    this.#textTokens = watched.heldTokens;
  }

  /** Whether every step is recorded, so that none may run ahead. */
  get everyStep(): boolean {
    return this.#watched.watch?.steps ?? false;
  }

  get scores(): boolean {
    return this.#watched.evicts && (this.#watched.watch?.scores ?? false);
  }

  get #rows(): boolean {
    return this.#watched.evicts && (this.#watched.watch?.rows ?? false);
  }

  /** How many tokens may be drawn before the stores are looked at. */
  get stepsAtOnce(): number {
    return this.everyStep ? 1 : this.#rows ? this.#stepsAtOnce : Infinity;
  }

  /** Notes that tokens were fed and the stores were cut. `logits` are those after the last of them. */
  async fed(tokens: readonly number[], logits: Float32Array): Promise<void> {
    this.#textTokens += tokens.length;
    const spentMs = performance.now() - this.#toldMs;
    // Fast steps are told several at once, so that telling takes little of the time.
    const paced = Math.round((this.#stepsAtOnce * ROWS_INTERVAL_MS) / Math.max(1, spentMs));
    this.#stepsAtOnce = Math.min(MOST_STEPS_AT_ONCE, 2 * this.#stepsAtOnce, Math.max(1, paced));
    const tells = this.#rows && spentMs >= ROWS_INTERVAL_MS;
    if (!this.everyStep && !tells) return;
    const kept = await this.#session.rowsHeld();
    if (this.everyStep) {
      this.steps.push({ fed: tokens, position: this.#textTokens - 1, logits: logits.slice(), kept });
    }
    if (this.#rows) this.#tell(kept);
  }

  /** Records the scores of a turn's prompt. Call it before the stores are cut. */
  async beforeCut(): Promise<void> {
    this.#afterPrompt.push(await this.#session.rowsHeld());
  }

  /** Records what the cut after a turn's prompt left. Only the last turn's is kept. */
  async afterCut(): Promise<void> {
    this.#afterCut = await this.#session.rowsHeld();
  }

  /** Tells what the stores hold at the end. */
  async ended(textTokens: number): Promise<void> {
    this.#textTokens = textTokens;
    if (this.#rows) this.#tell(await this.#session.rowsHeld());
  }

  /** What the request asked for. */
  async results(): Promise<{ readonly steps?: readonly WatchedStep[]; readonly scores?: WatchedScores }> {
    return {
      ...(this.everyStep && { steps: this.steps }),
      ...(this.scores && {
        scores: {
          afterPrompt: this.#afterPrompt,
          afterCut: this.#afterCut,
          atEnd: await this.#session.rowsHeld(),
        },
      }),
    };
  }

  #tell(stores: readonly StoreRows[]): void {
    this.#watched.emit({ type: 'rows', textTokens: this.#textTokens, stores });
    this.#toldMs = performance.now();
  }
}
