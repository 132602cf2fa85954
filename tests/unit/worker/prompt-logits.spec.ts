import { describe, expect, it } from 'vitest';
import { negativeLogLikelihood, PromptLogits } from '../../../worker/engine/prompt-logits.ts';
import { fc } from '../../support/seeded-properties.ts';

const turnsAndPositions = fc
  .array(fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 })
  .filter((turns) => turns.flat().length > 1)
  .chain((turns) => fc.tuple(fc.constant(turns), fc.array(fc.nat(turns.flat().length - 1)), fc.boolean()));

describe("a prompt's logits", () => {
  it('are requested turn by turn, in ascending order and once, for the caller and for the score', () => {
    fc.assert(
      fc.property(turnsAndPositions, ([turns, asked, score]) => {
        const tokens = turns.flat();
        const logits = new PromptLogits(tokens, asked, score);
        let start = 0;
        const wanted = turns.flatMap((turn) => {
          const here = logits.wantedIn(start, turn.length).map((position) => position + start);
          start += turn.length;
          return here;
        });
        const scored = score ? tokens.slice(1).map((_, position) => position) : [];
        expect(wanted).toEqual([...new Set([...asked, ...scored])].sort((a, b) => a - b));
      }),
    );
  });

  it('come back in the requested order, copied from memory that is reused', () => {
    fc.assert(
      fc.property(turnsAndPositions, ([turns, asked]) => {
        const tokens = turns.flat();
        const logits = new PromptLogits(tokens, asked, false);
        const memory = new Float32Array(10);
        for (const position of logits.wantedIn(0, tokens.length))
          logits.take(position, memory.fill(position));
        expect(logits.rows().map((row) => row[3])).toEqual(asked);
      }),
    );
  });

  it('give no score before all have come, and skip the row that predicts nothing', () => {
    const logits = new PromptLogits([0, 1, 2], [2], true);
    const uniform = new Float32Array(10);
    logits.take(0, uniform);
    expect(logits.meanNats()).toBeNull();
    logits.take(1, uniform);
    expect(logits.meanNats()).toBeCloseTo(Math.log(10), 12);
    logits.take(
      2,
      Float32Array.from({ length: 10 }, (_, i) => i),
    );
    expect(logits.meanNats()).toBeCloseTo(Math.log(10), 12);
  });
});

describe('the negative log-likelihood', () => {
  it('is exact if the logits are far from zero and would overflow', () => {
    const logits = Float32Array.of(5000, 5001);
    expect(negativeLogLikelihood(logits, 1)).toBeCloseTo(Math.log(1 + Math.exp(-1)), 12);
    expect(negativeLogLikelihood(logits, 0)).toBeCloseTo(1 + Math.log(1 + Math.exp(-1)), 12);
  });
});
