import { Tokenizer } from '@huggingface/tokenizers';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withAllSplits } from '../../../worker/text/splits.ts';
import { cases, texts } from '../../fixtures/tokenizers/splits.json';

const tokenizerJson = await readFile('public/models/fairy-llama/tokenizer.json', 'utf8');

/** The library's pieces of a text. */
function piecesOf(text: string, pretokenizer: unknown): readonly string[] {
  const json = { ...(JSON.parse(tokenizerJson) as object), pre_tokenizer: pretokenizer };
  const { pre_tokenizer: opened } = new Tokenizer(json, {});
  return text === '' ? [] : (opened?.pre_tokenize([text]) ?? []);
}

describe('A pre-tokenizer', () => {
  it.each(cases)('cuts as tokenizers 0.23.2 does: %j', ({ pretokenizer, pieces }) => {
    for (const [i, text] of texts.entries()) {
      expect(piecesOf(text, withAllSplits(pretokenizer)), text).toEqual(pieces[i]);
    }
  });
});
