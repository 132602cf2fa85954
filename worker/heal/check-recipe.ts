import { Refused } from '../outcome.ts';
import type { HealRequest } from '../protocol/heal.ts';

/** The ranges of a request's numbers: a link may carry a recipe. */
const wholeNumbers = {
  steps: [0, 100_000],
  sequencesPerStep: [1, 1024],
  tokensPerSequence: [8, 8192],
  warmUpSteps: [0, 100_000],
  seed: [0, Number.MAX_SAFE_INTEGER],
} as const;

const evaluationNumbers = { evaluateEverySteps: [1, 100_000], heldOutWindows: [1, 10_000] } as const;
/** Also of the model's own passes, which evaluations compute with. */
export const MOST_PASSES = 64;

/** @throws Refused with `bad-request`, naming the field */
export function checkRecipe(request: HealRequest): void {
  const { recipe } = request;
  for (const [name, range] of Object.entries(wholeNumbers)) {
    checkWhole(name, recipe[name as keyof typeof wholeNumbers], range);
  }
  for (const [name, range] of Object.entries(evaluationNumbers)) {
    checkWhole(name, request[name as keyof typeof evaluationNumbers], range);
  }
  for (const name of ['passes', 'laterPasses'] as const) {
    checkWhole(name, recipe[name].forward, [0, MOST_PASSES]);
    checkWhole(name, recipe[name].backward, [1, MOST_PASSES]);
  }
  const { learningRate } = recipe;
  if (!(learningRate > 0 && learningRate <= 1)) {
    throw refused('learningRate', `${learningRate} is not above 0 and at most 1`);
  }
}

function checkWhole(field: string, value: number, [min, max]: readonly [number, number]): void {
  if (!Number.isInteger(value)) throw refused(field, `${value} is not a whole number`);
  if (value < min || value > max) throw refused(field, `${value} is not from ${min} to ${max}`);
}

const refused = (field: string, reason: string) => new Refused({ code: 'bad-request', field, reason });
