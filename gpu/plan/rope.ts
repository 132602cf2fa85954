import { yarnFrequencies, type YarnStretch } from './yarn.ts';

/** Rotary position embedding: the base and how its frequencies are stretched. */
export type RopeSpec =
  | { readonly type: 'default'; readonly theta: number }
  | { readonly type: 'linear'; readonly theta: number; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContextTokens: number;
    }
  | ({ readonly type: 'yarn'; readonly theta: number } & YarnStretch);

/** Radians per position of each of the `headDim / 2` rotated pairs. RoFormer, arXiv:2104.09864; Llama 3.1's stretch. */
export function ropeFrequencies(rope: RopeSpec, headDim: number): Float64Array {
  const plain = Float64Array.from(
    { length: headDim / 2 },
    (_, pair) => rope.theta ** ((-2 * pair) / headDim),
  );
  switch (rope.type) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / rope.factor);
    case 'llama3':
      return plain.map((frequency) => {
        // Waves that fit the original context many times stay. Longer ones are stretched. Those between are blended.
        const wavesInContext = (rope.originalContextTokens * frequency) / (2 * Math.PI);
        const blend = (wavesInContext - rope.lowFreqFactor) / (rope.highFreqFactor - rope.lowFreqFactor);
        const kept = Math.min(1, Math.max(0, blend));
        return kept * frequency + ((1 - kept) * frequency) / rope.factor;
      });
    case 'yarn':
      return yarnFrequencies(rope, rope.theta, plain);
  }
}

/**
 * Cosines and sines of positions `0..tokens-1`, interleaved: `[tokens, headDim / 2, (cos, sin)]`.
 * Computed in float64, because WGSL promises no precision for the sine of a large angle. YaRN's attention factor is
 * in the table, as in transformers: turned queries and keys are longer by it, so scores by its square.
 */
export function ropeTable(rope: RopeSpec, headDim: number, tokens: number): Float32Array<ArrayBuffer> {
  const frequencies = ropeFrequencies(rope, headDim);
  const length = rope.type === 'yarn' ? rope.attentionFactor : 1;
  const table = new Float32Array(tokens * headDim);
  for (let position = 0; position < tokens; position++) {
    for (const [pair, frequency] of frequencies.entries()) {
      table[position * headDim + 2 * pair] = length * Math.cos(position * frequency);
      table[position * headDim + 2 * pair + 1] = length * Math.sin(position * frequency);
    }
  }
  return table;
}
