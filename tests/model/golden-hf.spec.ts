import { afterAll, describe, expect, it } from 'vitest';
import { modelSource } from '#platform';
import type { Backend } from '../../gpu/backend.ts';
import { fromF16Bits, toF16Bits } from '../../gpu/numbers/element-type.ts';
import { ropeFrequencies, type RopeSpec } from '../../gpu/plan/rope.ts';
import { loadModel } from '../../worker/loader/load-model.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf } from '../support/arbitrary-plans.ts';
import { goldenHf, goldenHfFolder } from '../support/golden.ts';
import { runSession } from '../support/random-model.ts';
import { backends, openBackend, TestEngine } from '../support/test-engine.ts';
import { placeHere } from '../../worker/text/place-here.ts';

/** Written by tools/golden-hf/make_golden.py: read by transformers in float32, as its users read checkpoints. */
const exact = [
  'mistral-window',
  'qwen2-implicit-bias',
  'qwen3-mixed-windows',
  'llama-biases-linear',
  'llama-llama3',
  'qwen3-yarn',
  'llama-yarn-mscale',
];

/**
 * Written by transformers after the whole model was turned to 16 bits, the rotary frequencies included. Whoever loads
 * these files gets exact frequencies, in transformers as here, so `apart` is how far right logits lie from the file's.
 */
const rounded = [
  { name: 'llama-bf16-sharded', type: 'bf16', apart: 7e-3 },
  { name: 'qwen3-like', type: 'bf16', apart: 9e-3 },
  { name: 'llama32-like-tied', type: 'f16', apart: 2e-3 },
] as const;

const within = (absolute: number) => ({ absolute, relative: 0 });

describe.each(backends)('Checkpoints written by Hugging Face, on the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  it.each([...exact.map((name) => ({ name, apart: 2e-5 })), ...rounded])(
    'have the logits and the greedy tokens of transformers: $name',
    async ({ name, apart }) => {
      const golden = await goldenHf(name);
      await engine.load(goldenHfFolder(name));
      const result = await engine.generate({
        input: { turns: [golden.tokens] },
        logits: golden.positions,
        maxNewTokens: golden.greedy.length,
      });
      for (const [row, logits] of result.logits.entries()) {
        expectAllClose(logits, golden.logits[row] ?? [], within(apart), `row ${row}, token`);
      }
      expect(result.tokens).toEqual(golden.greedy);
    },
  );

  it.each(rounded)(
    'agree to the last digits with frequencies rounded as they were: $name',
    async (golden) => {
      const { tokens, positions, logits } = await goldenHf(golden.name);
      const opened = await openBackend(backend);
      const roundingRope: Backend = {
        adapter: opened.adapter,
        allocatedBytes: 0,
        allocate: (request) => {
          const { rope, headDim } = request.dims;
          return opened.allocate({
            ...request,
            dims: { ...request.dims, rope: roundRope(rope, headDim, golden.type) },
          });
        },
        destroy: () => opened.destroy(),
      };
      const { weights, config } = await loadModel({
        source: modelSource(goldenHfFolder(golden.name)),
        openBackend: () => Promise.resolve(roundingRope),
        openTextPlace: placeHere,
        weights: 'stored',
        emit: () => undefined,
      });
      const sharing = { layers: layersOf(config.stored.layerTypes), windowTokens: 256, forceNodiag: false };
      const options = {
        sharing,
        passes: { forward: 7, backward: 2 },
        kvPrecision: 'f32',
        capacityTokens: 64,
      } as const;
      const run = await runSession(weights, options, { turns: [tokens], mode: 'sequential' });
      for (const [row, position] of positions.entries()) {
        expectAllClose(run.logits[position] ?? [], logits[row] ?? [], within(2e-5), `row ${row}, token`);
      }
      opened.destroy();
    },
  );
});

/** The frequencies as float32 arithmetic gives them, rounded to 16 bits. */
function roundRope(rope: RopeSpec, headDim: number, type: 'bf16' | 'f16'): RopeSpec {
  const round = type === 'f16' ? (value: number) => fromF16Bits(toF16Bits(value)) : roundToBf16;
  return { type: 'given', frequencies: [...ropeFrequencies(rope, headDim)].map(Math.fround).map(round) };
}

/** Ties to even: the upper half of a float32. */
function roundToBf16(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  const [before = 0] = bits;
  bits[0] = (before + 0x7fff + ((before >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0] ?? NaN;
}
