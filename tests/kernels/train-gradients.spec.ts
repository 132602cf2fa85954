import { describe, expect, it } from 'vitest';
import { kvRoles } from '../../gpu/plan/conversion.ts';
import type { WeightRole } from '../../gpu/plan/weight-specs.ts';
import { caseNames, goldenCase } from '../support/golden-gradients.ts';

const projections: ReadonlySet<WeightRole> = new Set(kvRoles);

/** The length of the difference over the length of what was expected. */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let [difference, length] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += ((found[i] ?? NaN) - (expected[i] ?? NaN)) ** 2;
    length += (expected[i] ?? NaN) ** 2;
  }
  return Math.sqrt(difference / length);
}

describe.each(caseNames)('%s', (name) => {
  it("agrees with PyTorch's gradients of all weights", () => {
    const { golden, specs, sequences, train, answers } = goldenCase(name);
    const trainer = train('all');
    for (const sequence of sequences) trainer.add(sequence);
    for (const spec of specs) {
      const expected = answers.get(spec.name) ?? [];
      const found = trainer.gradientsOf(spec) ?? [];
      expect(relativeError(found, expected), spec.name).toBeLessThan(1e-4);
    }
    expect(trainer.update().natsPerToken).toBeCloseTo(golden.loss, 5);
  });

  it('computes the same gradients of the projections alone, and no others', () => {
    const { specs, sequences, train, answers } = goldenCase(name);
    const trainer = train('projections');
    for (const sequence of sequences) trainer.add(sequence);
    for (const spec of specs) {
      const found = trainer.gradientsOf(spec);
      expect(found !== null, spec.name).toBe(projections.has(spec.role));
      if (found) expect(relativeError(found, answers.get(spec.name) ?? []), spec.name).toBeLessThan(1e-4);
    }
  });

  it("takes PyTorch's steps of AdamW", () => {
    const { golden, specs, sequences, train, answers } = goldenCase(name);
    const trainer = train('projections', golden.losses.length);
    for (const loss of golden.losses) {
      for (const sequence of sequences) trainer.add(sequence);
      expect(trainer.update().natsPerToken).toBeCloseTo(loss, 4);
    }
    for (const spec of specs.filter(({ role }) => projections.has(role))) {
      const expected = answers.get(`after/${spec.name}`) ?? [];
      expect(relativeError(trainer.tensor(spec), expected), spec.name).toBeLessThan(1e-3);
    }
  });

  it("evaluates with the model's own passes", () => {
    const { golden, sequences, train } = goldenCase(name);
    const trainer = train('projections');
    const nats = sequences.reduce((sum, sequence) => sum + trainer.evaluate(sequence), 0);
    expect(nats / (2 * golden.tokens)).toBeCloseTo(golden.evaluated, 5);
  });
});
