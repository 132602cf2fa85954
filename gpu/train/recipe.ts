import type { Passes } from '../plan/forward-plan.ts';

/** Which weights a training changes: those that a conversion averages, or all. */
export type Trained = 'projections' | 'all';

/** How a plan is healed. With the same recipe, weights and sequences every run on one machine gives the same bits. */
export interface Recipe {
  readonly trained: Trained;
  readonly steps: number;
  readonly sequencesPerStep: number;
  readonly tokensPerSequence: number;
  /** The highest learning rate, reached after the warm-up. */
  readonly learningRate: number;
  readonly warmUpSteps: number;
  /** LCKV trains with m passes without gradients and b with them. Fewer at first cost less and teach as much. */
  readonly passes: Passes;
  /** The passes of the last 30 % of the steps. */
  readonly laterPasses: Passes;
  /** Which windows of the text a step reads. */
  readonly seed: number;
}

/** What works for the shipped models: docs/measuring.md, "Healing". Few weights take a higher rate. */
export const defaultRecipe = (trained: Trained, steps: number): Recipe => ({
  trained,
  steps,
  sequencesPerStep: 4,
  tokensPerSequence: 256,
  learningRate: trained === 'projections' ? 3e-3 : 1e-3,
  warmUpSteps: 10,
  passes: { forward: 1, backward: 2 },
  laterPasses: { forward: 3, backward: 2 },
  seed: 0,
});

/** The learning rate of a step, from 0: linear warm-up, and a linear fall to a tenth. */
export const rateAt = ({ learningRate, warmUpSteps, steps }: Recipe, step: number): number =>
  learningRate * Math.min(1, (step + 1) / Math.max(1, warmUpSteps)) * (1 - (0.9 * step) / steps);

/** The passes of a step, from 0. */
export const passesAt = ({ steps, passes, laterPasses }: Recipe, step: number): Passes =>
  step < 0.7 * steps ? passes : laterPasses;
