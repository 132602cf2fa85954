import { describe, expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { trainingNote } from '../../../web/panels/layers/training-note.ts';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { readingNote, roomNote } from '../../../web/panels/write/reading-note.ts';
import { policyWith } from '../../support/arbitrary-policies.ts';
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
  const length = {
    ...{ prompt: 'a'.repeat(40), maxNewTokens: 128, countedTokens: null, contextTokens: 256 },
    policy: keepEverything,
  };

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

  it('follows the budget of a policy that counts positions within the cache', () => {
    const policy = policyWith('sinks', { sinks: 4, recent: 60, positions: 'cache' });
    expect(contextNote({ ...length, maxNewTokens: 5000, policy })).toBeNull();
    expect(contextNote({ ...length, countedTokens: 300, policy })).toMatch(/exceed/);
    expect(contextNote({ ...length, countedTokens: 300, policy: { ...policy, chunk: 32 } })).toBeNull();
  });
});

describe('the notes of a chat', () => {
  const turn = { tokens: 300, maxNewTokens: 50, contextTokens: 256, readTokens: 280, policy: null };

  it('warn of a turn that outgrows the context, unless the policy lets it', () => {
    expect(roomNote(turn)).toMatchObject({ full: true });
    const policy = policyWith('sinks', { sinks: 4, recent: 60, positions: 'cache' });
    expect(roomNote({ ...turn, policy })).toEqual({
      full: false,
      text: expect.stringMatching(/may outgrow the 256/) as string,
    });
    expect(roomNote({ ...turn, readTokens: 0, policy })).toMatchObject({ full: true });
  });

  it('say that a cache which has evicted was filled again from the start', () => {
    const reading = { promptTokens: 90, heldTokens: 70, reusedTokens: 0, newTokens: 5, evicts: true };
    expect(readingNote(reading)).toMatch(/again from its start, 90 tokens: .*cannot go back/);
    expect(readingNote({ ...reading, evicts: false })).toMatch(/0 of 70 kept tokens/);
    expect(readingNote({ ...reading, reusedTokens: 70 })).toMatch(/KV of 70 earlier tokens was kept/);
  });
});
