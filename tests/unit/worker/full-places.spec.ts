import { beforeAll, describe, expect, it } from 'vitest';
import type { Batch, ModelWeights } from '../../../gpu/backend.ts';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { openWasmBackend } from '../../../gpu/wasm/backend.ts';
import { layersOf, sharingOf } from '../../support/arbitrary-plans.ts';
import { putRandomModel, tinyDims } from '../../support/random-model.ts';
import { writeTogether } from '../../support/write-sequences.ts';

const places = 8;
const count = 200;
/** Short prompts, and continuations of 1 to 11 tokens, so that several end in the same step and others long after. */
const sequences = Array.from({ length: count }, (_, i) => ({
  prompt: Array.from({ length: 1 + (i % 5) }, (_, at) => (3 * at + i) % tinyDims.vocabSize),
  mode: 'sequential' as const,
  maxNewTokens: 1 + ((i * 7) % 11),
  sampling: greedy,
  ends: [],
}));
const plan = {
  sharing: sharingOf('0_2_2_3'),
  passes: { forward: 2, backward: 1 },
  kvPrecision: 'f16' as const,
};

describe('The places of a batch', () => {
  let model: ModelWeights;
  beforeAll(async () => {
    const backend = await openWasmBackend('simd');
    [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'), { type: 'f16' })) as [
      ModelWeights,
    ];
  });

  it(`are never free while one of ${count} prompts waits, and prompts that come at once are read at once`, async () => {
    const decoded: { readonly texts: number; readonly waiting: number }[] = [];
    let read = 0;
    let ended = 0;
    let freed = places;
    const openBatch: ModelWeights['openBatch'] = async (options) => {
      const batch = await model.openBatch(options);
      const [prefill, decode] = [batch.prefill.bind(batch), batch.decode.bind(batch)];
      const watched: Pick<Batch, 'prefill' | 'decode'> = {
        prefill: (turns, how) => {
          const stillOpen = places - freed;
          expect(turns.length, `after ${ended} have ended`).toBe(Math.min(freed, count - ended - stillOpen));
          read += turns.length;
          return prefill(turns, how);
        },
        decode: async (texts, how) => {
          decoded.push({ texts: texts.length, waiting: count - ended - texts.length });
          const ends = await decode(texts, how);
          freed = ends.filter((end) => end !== null).length;
          ended += freed;
          return ends;
        },
      };
      return Object.assign(batch, watched);
    };
    const written = await writeTogether({ openBatch }, { plan, policy: keepEverything, places, sequences });

    expect(written.map(({ tokens }) => tokens.length)).toEqual(sequences.map((each) => each.maxNewTokens));
    expect(decoded.filter(({ texts, waiting }) => waiting > 0 && texts < places)).toEqual([]);
    expect(decoded.filter(({ waiting }) => waiting > 0).length).toBeGreaterThan(count / places);
    expect(read).toBe(count);
  });
});
