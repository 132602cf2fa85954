import { describe, expect, it } from 'vitest';
import { openCutter } from '../../../worker/text/cutter.ts';
import { cases, texts } from '../../fixtures/tokenizers/splits.json';

describe('A pre-tokenizer', () => {
  it.each(cases)('cuts as tokenizers 0.23.2 does: %j', async ({ pretokenizer, pieces }) => {
    const cut = await openCutter(pretokenizer);
    for (const [i, text] of texts.entries()) {
      const found = text === '' ? [] : cut({ text, isFirst: true });
      expect(
        found.map((piece) => piece.text),
        text,
      ).toEqual(pieces[i]);
    }
  });
});
