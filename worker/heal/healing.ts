import { Diverged, type TrainingState } from '../../gpu/train/trainer.ts';
import type { Evaluated, HealEvent, HealResult } from '../protocol/heal.ts';
import type { OpenedHealing } from './open-healing.ts';
import { sequencesOf } from './sequences.ts';

/** All that a healing needs to continue, apart from its request. */
export interface HealingState extends TrainingState {
  readonly evaluations: readonly Evaluated[];
}

/** What a healing asks of its surroundings. */
export interface HealingRun {
  readonly emit: (event: HealEvent) => void;
  /** Awaited between sequences: lets messages in, and waits while the healing is paused. */
  readonly breathe: () => Promise<void>;
  /** Asked between sequences. */
  readonly stopped: () => boolean;
  /** Called every now and then, and at the end, with what a later run can continue from. */
  readonly keep: (state: () => HealingState) => Promise<void>;
  readonly now: () => number;
}

/** A sample begins as the held-out text does. */
const SAMPLE_PROMPT_TOKENS = 16;
const SAMPLE_NEW_TOKENS = 40;
/** Speeds are those of the last steps. */
const STEPS_OF_SPEED = 8;

/** One run of a healing, which may continue an earlier one. */
export class Healing {
  readonly #opened: OpenedHealing;
  readonly #run: HealingRun;
  #evaluations: readonly Evaluated[] = [];
  readonly #stepMs: number[] = [];
  /** The weights after a step that read the held-out text well; null before the first reading. */
  #good: Pick<TrainingState, 'step' | 'weights'> | null = null;

  constructor(opened: OpenedHealing, run: HealingRun) {
    this.#opened = opened;
    this.#run = run;
  }

  /** Continues after the steps of an earlier run. @throws RangeError if it was another training */
  restore(state: HealingState): void {
    this.#opened.trainer.restore(state);
    this.#good = state;
    this.#evaluations = state.evaluations;
  }

  async run(): Promise<HealResult> {
    const { trainer, request } = this.#opened;
    const { steps } = request.recipe;
    try {
      if (this.#evaluations.length === 0) await this.#evaluate();
      while (trainer.step < steps && !this.#run.stopped()) {
        if (!(await this.#step())) break;
        const isDue = trainer.step % request.evaluateEverySteps === 0 || trainer.step === steps;
        if (isDue) await this.#evaluate();
        await this.#run.keep(() => this.state());
      }
    } catch (error) {
      if (!(error instanceof Diverged)) throw error;
      this.#goBack();
      return this.#result('diverged');
    }
    return this.#result(trainer.step < steps ? 'stopped' : 'complete');
  }

  /** @returns whether the step was finished */
  async #step(): Promise<boolean> {
    const { trainer, tokens, request } = this.#opened;
    const startMs = this.#run.now();
    const before = trainer.step;
    for (const sequence of sequencesOf(tokens, request.recipe, before)) {
      trainer.add(sequence);
      await this.#run.breathe();
      if (this.#run.stopped()) {
        trainer.forget();
        return false;
      }
    }
    const { natsPerToken } = trainer.update();
    this.#stepMs.push(this.#run.now() - startMs);
    if (this.#stepMs.length > STEPS_OF_SPEED) this.#stepMs.shift();
    const meanMs = this.#stepMs.reduce((sum, ms) => sum + ms, 0) / this.#stepMs.length;
    const { steps, sequencesPerStep, tokensPerSequence } = request.recipe;
    this.#run.emit({
      type: 'step',
      step: trainer.step,
      steps,
      natsPerToken,
      tokensPerSecond: (1000 * sequencesPerStep * tokensPerSequence) / meanMs,
      secondsLeft: (meanMs * (steps - trainer.step)) / 1000,
    });
    return true;
  }

  async #evaluate(): Promise<void> {
    const evaluated = await evaluate(this.#opened, this.#run);
    if (!evaluated) return;
    const { trainer } = this.#opened;
    if (!Number.isFinite(evaluated.bitsPerByte)) throw new Diverged(trainer.step);
    const { step, weights } = trainer.save();
    this.#good = { step, weights };
    this.#evaluations = [...this.#evaluations, evaluated];
    this.#run.emit({ type: 'evaluated', ...evaluated });
    await this.#writeSample();
  }

  /** A loss that is not finite says that the weights were spoilt before: the last step took too many along. */
  #goBack(): void {
    const { trainer } = this.#opened;
    if (this.#good) trainer.restore({ ...trainer.save(), ...this.#good });
  }

  async #writeSample(): Promise<void> {
    const { trainer, heldOut, text, request } = this.#opened;
    const prompt = [...(heldOut.windows[0]?.subarray(0, SAMPLE_PROMPT_TOKENS) ?? [])];
    const most = Math.min(SAMPLE_NEW_TOKENS, request.recipe.tokensPerSequence - prompt.length);
    const written: number[] = [];
    while (written.length < most) {
      const next = trainer.likeliestAfter(Uint32Array.of(...prompt, ...written));
      if (next === null) return;
      written.push(next);
      await this.#run.breathe();
      if (this.#run.stopped()) return;
    }
    this.#run.emit({
      ...{ type: 'sample', step: trainer.step },
      prompt: await text.decode(prompt),
      text: await text.decode(written),
    });
  }

  /** What a later run can continue from, as copies. */
  state(): HealingState {
    return { ...this.#opened.trainer.save(), evaluations: this.#evaluations };
  }

  #result(end: HealResult['end']): HealResult {
    return { end, step: this.#opened.trainer.step, evaluations: this.#evaluations };
  }
}

/** Reads the held-out text with the weights as they are; null if it was stopped. */
export async function evaluate(
  { trainer, heldOut }: Pick<OpenedHealing, 'trainer' | 'heldOut'>,
  { breathe, stopped }: Pick<HealingRun, 'breathe' | 'stopped'>,
): Promise<Evaluated | null> {
  let nats = 0;
  for (const window of heldOut.windows) {
    nats += trainer.evaluate(window);
    await breathe();
    if (stopped()) return null;
  }
  return { step: trainer.step, bitsPerByte: nats / Math.LN2 / heldOut.bytes };
}
