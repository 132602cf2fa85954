// What `npm run heal` is asked for.
import { parseArgs } from 'node:util';

export const usage = `npm run --silent heal -- --model MODEL --layers PLAN --steps N --text FILE --out DIR
                        [--train projections|all] [--window N] [--held-out FILE] [--held-out-windows N]
                        [--evaluate-every N] [--sequences N] [--tokens N] [--rate R] [--seed N] [--checkpoint FILE]
  --model             the id of a model that ships, or a folder
  --layers            the plan to heal, as layer_types (the model's own)
  --window            tokens that layers with an s see (the model's own)
  --steps             how many steps; 0 only reads the held-out text
  --text              what to train on, or sample for the one that ships
  --out               where the healed model goes: a new or empty folder; needed if there are steps
  --train             the key and value projections alone (the default), or all weights
  --held-out          text to evaluate on (the last tenth of --text)
  --held-out-windows  how many windows of it (40)
  --evaluate-every    after how many steps (25)
  --sequences         sequences of a step (4)
  --tokens            tokens of a sequence (256)
  --rate              the highest learning rate (0.003 for projections, 0.001 for all weights)
  --seed              which parts of the text each step reads (0)
  --checkpoint        a file that is written once a minute, and continued from if it is there
Prints a line of JSON for every step, evaluation and result.`;

/**
 * @typedef {object} HealOrder
 * @property {'heal'} kind
 * @property {string} model
 * @property {string | null} layers
 * @property {number | null} window
 * @property {number} steps
 * @property {string} text
 * @property {string | null} out
 * @property {'projections' | 'all'} train
 * @property {string | null} heldOut
 * @property {number} heldOutWindows
 * @property {number} evaluateEvery
 * @property {number} sequences
 * @property {number} tokens
 * @property {number | null} rate
 * @property {number} seed
 * @property {string | null} checkpoint
 */

/**
 * @param {readonly string[]} args
 * @returns {HealOrder | { readonly kind: 'wrong', readonly reason: string }}
 */
export function readOptions(args) {
  /** @type {(reason: string) => { readonly kind: 'wrong', readonly reason: string }} */
  const wrong = (reason) => ({ kind: 'wrong', reason });
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        model: { type: 'string' },
        layers: { type: 'string' },
        window: { type: 'string' },
        steps: { type: 'string' },
        text: { type: 'string' },
        out: { type: 'string' },
        train: { type: 'string', default: 'projections' },
        'held-out': { type: 'string' },
        'held-out-windows': { type: 'string', default: '40' },
        'evaluate-every': { type: 'string', default: '25' },
        sequences: { type: 'string', default: '4' },
        tokens: { type: 'string', default: '256' },
        rate: { type: 'string' },
        seed: { type: 'string', default: '0' },
        checkpoint: { type: 'string' },
      },
    }));
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { model, layers = null, text, out = null, train, checkpoint = null } = values;
  const heldOut = values['held-out'] ?? null;
  if (!model) return wrong('--model is missing');
  if (!text) return wrong('--text is missing: name a file, or sample');
  if (train !== 'projections' && train !== 'all') {
    return wrong(`--train ${train} is neither projections nor all`);
  }
  /** @type {Record<string, number>} */
  const numbers = {};
  for (const name of /** @type {const} */ ([
    'steps',
    'held-out-windows',
    'evaluate-every',
    'sequences',
    'tokens',
    'seed',
    'window',
    'rate',
  ])) {
    const written = values[name];
    if (written === undefined) continue;
    const number = Number(written);
    if (written.trim() === '' || !Number.isFinite(number)) {
      return wrong(`--${name} ${written} is not a number`);
    }
    numbers[name] = number;
  }
  const steps = numbers['steps'];
  if (steps === undefined) return wrong('--steps is missing');
  if (steps > 0 && !out) return wrong('--out is missing: say where the healed model goes');
  return {
    kind: 'heal',
    ...{ model, layers, text, out, train, heldOut, checkpoint, steps },
    window: numbers['window'] ?? null,
    heldOutWindows: numbers['held-out-windows'] ?? NaN,
    evaluateEvery: numbers['evaluate-every'] ?? NaN,
    sequences: numbers['sequences'] ?? NaN,
    tokens: numbers['tokens'] ?? NaN,
    rate: numbers['rate'] ?? null,
    seed: numbers['seed'] ?? NaN,
  };
}
