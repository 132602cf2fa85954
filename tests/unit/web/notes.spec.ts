import { describe, expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { trainingNote } from '../../../web/panels/layers/training-note.ts';
import { contextNote } from '../../../web/panels/write/context-note.ts';

const plan = (text: string) => {
  const parsed = parseLayerTypes(text, text.split('_').length);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
};

describe('trainingNote', () => {
  const llama = plan('0_1_2_3');

  it('is silent under the plan that the model was trained with', () => {
    expect(trainingNote(llama, plan('0_1_2_3'))).toBeNull();
  });

  it('says that weights are averaged if several are merged', () => {
    expect(trainingNote(llama, plan('0_2_2_3'))).toMatch(/averaged.*poor text/);
  });

  it('says that weights are copied if one serves several', () => {
    expect(trainingNote(plan('0_2_2_3'), llama)).toMatch(/copied.*poor text/);
  });

  it('does not mention weights if only windows change', () => {
    expect(trainingNote(llama, plan('0_1s_2s_3'))).toMatch(/^Same weights/);
  });
});

describe('contextNote', () => {
  const length = { prompt: 'a'.repeat(40), maxNewTokens: 128, countedTokens: null, contextTokens: 256 };

  it('is silent if prompt and continuation fit', () => {
    expect(contextNote(length)).toBeNull();
  });

  it('warns if they do not fit, and says that the count is an estimate', () => {
    expect(contextNote({ ...length, maxNewTokens: 250 })).toMatch(/about 11 tokens.*250 new tokens.*256/);
  });

  it('uses the exact count of a run', () => {
    expect(contextNote({ ...length, countedTokens: 129 })).toMatch(/\(129 tokens\)/);
    expect(contextNote({ ...length, countedTokens: 128 })).toBeNull();
  });
});
