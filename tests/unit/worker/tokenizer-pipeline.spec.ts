import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../worker/text/tokenizer.ts';
import { cases, texts } from '../../fixtures/tokenizers/pipeline.json';

describe('A tokenizer reads and writes text as tokenizers 0.23.2 does', () => {
  it.each(cases)('$name', async ({ tokenizer, answers }) => {
    const { encode, decode } = await openTokenizer(JSON.stringify(tokenizer));
    for (const [i, text] of texts.entries()) {
      const [tokens, plain, back] = answers[i] ?? [];
      expect({ text, tokens: encode(text, true), plain: encode(text, false) }).toEqual({
        text,
        tokens,
        plain,
      });
      expect({ text, back: decode(encode(text, true)) }).toEqual({ text, back });
    }
  });
});
