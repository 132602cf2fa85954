import { describe, expect, it } from 'vitest';
import { CpuWeights } from '../../gpu/cpu/weights.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { memoryNeeded, totalBytes } from '../../gpu/train/memory-needed.ts';
import { convertTensors, type FindTensor } from '../../gpu/train/parameters.ts';
import { Diverged, type Trainer } from '../../gpu/train/trainer.ts';
import { caseNames, goldenCase } from '../support/golden-gradients.ts';

function takeStep(trainer: Trainer, sequences: readonly Uint32Array[]) {
  for (const sequence of sequences) trainer.add(sequence);
  return trainer.update();
}

describe('gradients', () => {
  it('are the slopes of the loss: finite differences along the gradient itself', () => {
    const { specs, sequences, train, find, golden } = goldenCase('lckv-no-first-pass');
    const trainer = train('all');
    for (const sequence of sequences) trainer.add(sequence);
    const gradients = new Map(
      specs.map((spec) => [`${spec.role}/${spec.layer}`, trainer.gradientsOf(spec) ?? new Float32Array()]),
    );
    const squares = [...gradients.values()].reduce(
      (sum, part) => sum + part.reduce((s, g) => s + g * g, 0),
      0,
    );
    const lossAt = (distance: number) => {
      const moved: FindTensor = (role, layer) => {
        const gradient = gradients.get(`${role}/${layer}`);
        return find(role, layer)?.map((value, i) => value + distance * (gradient?.[i] ?? NaN));
      };
      const at = train('all', 1, moved);
      for (const sequence of sequences) at.add(sequence);
      return at.update().natsPerToken;
    };
    const distance = 0.0004;
    const slope = (lossAt(distance) - lossAt(-distance)) / (2 * distance);
    expect(golden.passes[0]).toBe(0); // passes without gradients would make the slope another number
    expect(slope / squares).toBeCloseTo(1, 2);
  });
});

describe('a training', () => {
  it('takes as much memory as was computed before, to the byte', () => {
    for (const name of caseNames) {
      const { dims, sharing, recipe, train } = goldenCase(name);
      for (const trained of ['projections', 'all'] as const) {
        const passes = { forward: 7, backward: 2 };
        const needed = memoryNeeded({ dims, sharing, passes, recipe: recipe(trained, 1) });
        expect(train(trained).allocatedBytes, `${name}, ${trained}`).toBe(totalBytes(needed));
      }
    }
  });

  it('names no likeliest token if the logits are not finite', () => {
    const { train, find, sequences } = goldenCase('cla');
    const text = sequences[0]?.subarray(0, 3) ?? new Uint32Array();
    expect(train('all').likeliestAfter(text)).toBeGreaterThanOrEqual(0);
    const broken: FindTensor = (role, layer) =>
      role === 'finalNorm' ? find(role, layer)?.fill(NaN) : find(role, layer);
    expect(train('all', 1, broken).likeliestAfter(text)).toBeNull();
    expect(() => train('all').likeliestAfter(new Uint32Array())).toThrow(RangeError);
  });

  it('takes the same bits whenever it is repeated, and when it continues from a state', () => {
    const { sequences, train } = goldenCase('sandwich-middle');
    const [whole, again, first, rest] = [3, 3, 3, 3].map((steps) => train('projections', steps));
    if (!whole || !again || !first || !rest) throw new Error('there are four');
    for (let step = 0; step < 3; step++) {
      takeStep(whole, sequences);
      takeStep(again, sequences);
      if (step < 2) takeStep(first, sequences);
    }
    expect(again.save()).toEqual(whole.save());
    rest.restore(first.save());
    expect(rest.step).toBe(2);
    takeStep(rest, sequences);
    expect(rest.save()).toEqual(whole.save());
  });

  it('refuses the state of another training', () => {
    const { train } = goldenCase('cla');
    const other = goldenCase('llama').train('projections').save();
    expect(() => train('projections').restore(other)).toThrow(RangeError);
  });

  it('says that a step is not finite, and keeps the weights from before it', () => {
    const { sequences, train, specs } = goldenCase('lckv');
    const trainer = train('all', 4);
    takeStep(trainer, sequences);
    const good = trainer.save();
    const finite = takeStep(trainer, sequences);
    trainer.restore({ ...good, weights: good.weights.map(() => 1e38) });
    const broken = trainer.save();
    expect(() => takeStep(trainer, sequences)).toThrow(Diverged);
    expect(trainer.save()).toEqual(broken);
    expect(specs.every((spec) => trainer.gradientsOf(spec)?.every((gradient) => gradient === 0))).toBe(true);
    // What the broken step left in memory harms no later one.
    trainer.restore(good);
    expect(takeStep(trainer, sequences)).toEqual(finite);
  });

  it('forgets the sequences of a step that was given up', () => {
    const { sequences, train } = goldenCase('yoco');
    const [clean, interrupted] = [train('projections'), train('projections')];
    interrupted.add(sequences[1] ?? new Uint32Array());
    interrupted.forget();
    expect(takeStep(interrupted, sequences)).toEqual(takeStep(clean, sequences));
    expect(interrupted.save()).toEqual(clean.save());
  });

  it('refuses sequences that it has no room for', () => {
    const trainer = goldenCase('llama').train('projections');
    expect(() => trainer.add(new Uint32Array(72))).toThrow('71 tokens, room for 70');
    expect(() => trainer.evaluate(new Uint32Array(1))).toThrow('0 tokens, room for 70');
  });
});

it('converts a stored model as the decoder on the processor does', () => {
  const { dims, find, specs } = goldenCase('llama');
  const [stored, wanted] = ['0_1_2_3_4_5', '0_2_2_2_4_4'].map((text) => parseLayerTypes(text, 6));
  if (!stored?.ok || !wanted?.ok) throw new Error('both are plans');
  const weights = new CpuWeights({ weights: 'stored', quantizeEmbeddings: false });
  for (const spec of specs) {
    const tensor = find(spec.role, spec.layer) ?? new Float32Array();
    weights.put(spec, 0, new Uint8Array(tensor.slice().buffer), 'f32');
  }
  const decoded = weights.convert(stored.value, wanted.value);
  const trained = convertTensors(stored.value, wanted.value, find);
  for (const { role, layer, name } of weightSpecs(dims, wanted.value)) {
    expect(trained(role, layer), name).toEqual(decoded.get(role, layer));
  }
  expect(trained('k', 1)).toBeUndefined();
});
